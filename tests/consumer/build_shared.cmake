# Builds the library in SOURCE as shared libraries in BINARY, which is kept: a second run compiles what has changed. With debug
# information, from which tests/versioning reads the binary interface (of which kernels are no part), and hardly optimised, as
# nothing is measured here.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BINARY} -G ${GENERATOR} -DBUILD_SHARED_LIBS=ON -DCMAKE_UNITY_BUILD=ON
                        -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -g -DNDEBUG" "-DTTT_KERNEL_OPTIMIZATION=-O1;-g0"
                        -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}
                        -DTTT_TEXT=${TEXT} -DTTT_CARGO_TARGET_DIR=${CARGO_TARGET_DIR}
                        -DTTT_BUILD_TESTS=OFF -DTTT_BUILD_APPS=OFF -DTTT_BUILD_MODELS=OFF
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BINARY} -j 2 COMMAND_ERROR_IS_FATAL ANY)
