# Programs of GoogleTest tests. They share one precompiled header, for parsing GoogleTest and the standard headers is most of
# the time of compiling one, and are hardly optimised: they are compiled more often than they run for long.
#
#   ttt_add_test_program(NAME test_shapes SOURCES test_shapes.cpp [LINK targets...] [LABELS label])
# makes the program, with ttt::testing and GoogleTest's main, and a CTest test of each TEST.
#
#   ttt_use_test_headers(program)
# is for a program made elsewhere, which links GoogleTest.

# The owner is a program, as the flags of programs and of libraries differ.
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/ttt_test_headers.cpp CONTENT "")
add_executable(ttt_test_headers ${CMAKE_CURRENT_BINARY_DIR}/ttt_test_headers.cpp)
target_link_libraries(ttt_test_headers PRIVATE ttt::testing GTest::gtest_main)
target_compile_options(ttt_test_headers PRIVATE $<$<CONFIG:Release,RelWithDebInfo>:-O1>)
target_precompile_headers(ttt_test_headers PRIVATE
  <gtest/gtest.h> <algorithm> <array> <cmath> <filesystem> <functional> <map> <memory> <optional> <random> <span> <string> <vector>
  <ttt/patterns/causal_lm.h>)

function(ttt_use_test_headers program)
  target_compile_options(${program} PRIVATE $<$<CONFIG:Release,RelWithDebInfo>:-O1>)
  target_precompile_headers(${program} REUSE_FROM ttt_test_headers)
  # Test files open namespaces and name helpers freely.
  set_target_properties(${program} PROPERTIES UNITY_BUILD OFF)
endfunction()

function(ttt_add_test_program)
  cmake_parse_arguments(PARSE_ARGV 0 test "" "NAME;LABELS" "SOURCES;LINK")
  if(NOT test_NAME OR NOT test_SOURCES OR test_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ttt_add_test_program(NAME name SOURCES files... [LINK targets...] [LABELS label])")
  endif()
  add_executable(${test_NAME} ${test_SOURCES})
  target_link_libraries(${test_NAME} PRIVATE ttt::testing ${test_LINK} GTest::gtest_main)
  ttt_use_test_headers(${test_NAME})
  if(test_LABELS)
    gtest_discover_tests(${test_NAME} PROPERTIES LABELS ${test_LABELS})
  else()
    gtest_discover_tests(${test_NAME})
  endif()
endfunction()
