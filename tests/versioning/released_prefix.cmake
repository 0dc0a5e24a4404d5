# Makes PREFIX of the released headers and package files in ARCHIVE, and of this build's shared LIBRARIES.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${PREFIX})
file(ARCHIVE_EXTRACT INPUT ${ARCHIVE} DESTINATION ${PREFIX})
file(GLOB libraries ${LIBRARIES}/libttt*.so*)
if(NOT libraries)
  message(FATAL_ERROR "no shared libraries in ${LIBRARIES}")
endif()
file(COPY ${libraries} DESTINATION ${PREFIX}/lib)
