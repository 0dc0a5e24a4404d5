# Configures, builds and runs SOURCE in BINARY against the ttt in PREFIX: its CTest tests, else its target `check`.
# COPY names folders that are copied first, beside each other and away from the tree; SOURCE is then one of the copies.
cmake_minimum_required(VERSION 3.25)
set(flags "-Wall -Wextra -Werror")
if(SANITIZE)
  string(APPEND flags " -fsanitize=${SANITIZE}")
endif()
separate_arguments(ARGUMENTS)
separate_arguments(COPY)
file(REMOVE_RECURSE ${BINARY})
if(COPY)
  file(COPY ${COPY} DESTINATION ${BINARY}/copied)
  set(SOURCE ${BINARY}/copied/${SOURCE})
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BINARY} -G ${GENERATOR} -DCMAKE_PREFIX_PATH=${PREFIX}
                        -DCMAKE_BUILD_TYPE=${CONFIG} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}
                        -DCMAKE_CXX_FLAGS=${flags} ${ARGUMENTS}
                COMMAND_ERROR_IS_FATAL ANY)
# Several of these may run at a time.
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BINARY} -j 2 COMMAND_ERROR_IS_FATAL ANY)
if(EXISTS ${BINARY}/CTestTestfile.cmake)
  execute_process(COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${BINARY} --output-on-failure --no-tests=error COMMAND_ERROR_IS_FATAL ANY)
else()
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${BINARY} --target check COMMAND_ERROR_IS_FATAL ANY)
endif()
