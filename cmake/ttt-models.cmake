# What a model's CMake project needs, in the library's tree and outside it; find_package(ttt) includes it.
#
#   ttt_add_model(NAME llama3 SOURCES llama.cpp [LINK targets...])
# makes the static library `ttt_model_<NAME>` over ttt::ttt; its headers are those of the current folder.
#
#   ttt_add_model_plugin(NAME llama3 SOURCES plugin.cpp)
# makes `libttt_model_<NAME>.so` of that model, which `ttt --model-path` finds (ttt/patterns/model_entry.h), and installs it
# to lib/ttt/models, where the program `ttt` of the same prefix finds it by itself.
#
#   ttt_add_model_tests(NAME llama3 [LINK targets...])
# makes the program `<NAME>_tests` of tests/*.cpp, linked with ttt::testing and GoogleTest, and the CTest tests `<NAME>.accuracy`
# (with TESTs of the model's own), `<NAME>.generation` and `<NAME>.performance` that run it. It sees
#   TTT_GOLDENS         folders of goldens: tests/goldens beside the model, and those in the CMake variable of that name
#   TTT_SHARED_GOLDENS  one more such folder, from the CMake variable of that name; the tests of its goldens are a CTest test
#                       of their own (`<NAME>.accuracy.shared`, `<NAME>.generation.shared`), skipped where the folder is not there
# Nothing is made when TTT_BUILD_TESTS is off; it is on by default for a project of its own.

function(ttt_add_model)
  cmake_parse_arguments(PARSE_ARGV 0 model "" "NAME" "SOURCES;LINK")
  if(NOT model_NAME OR NOT model_SOURCES OR model_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ttt_add_model(NAME name SOURCES files... [LINK targets...])")
  endif()
  add_library(ttt_model_${model_NAME} STATIC ${model_SOURCES})
  target_include_directories(ttt_model_${model_NAME} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(ttt_model_${model_NAME} PUBLIC ttt::ttt ${model_LINK})
endfunction()

function(ttt_add_model_plugin)
  cmake_parse_arguments(PARSE_ARGV 0 model "" "NAME" "SOURCES")
  if(NOT model_NAME OR NOT model_SOURCES OR model_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ttt_add_model_plugin(NAME name SOURCES files...)")
  endif()
  set_target_properties(ttt_model_${model_NAME} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  add_library(ttt_model_${model_NAME}_plugin MODULE ${model_SOURCES})
  target_link_libraries(ttt_model_${model_NAME}_plugin PRIVATE ttt_model_${model_NAME})
  # One symbol crosses; the library inside keeps to itself.
  target_link_options(ttt_model_${model_NAME}_plugin PRIVATE -Wl,--exclude-libs,ALL)
  set_target_properties(ttt_model_${model_NAME}_plugin PROPERTIES OUTPUT_NAME ttt_model_${model_NAME} PREFIX lib)
  install(TARGETS ttt_model_${model_NAME}_plugin LIBRARY DESTINATION lib/ttt/models)
endfunction()

function(ttt_add_model_tests)
  cmake_parse_arguments(PARSE_ARGV 0 model "" "NAME" "LINK")
  if(NOT model_NAME OR model_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ttt_add_model_tests(NAME name [LINK targets...])")
  endif()
  option(TTT_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
  if(NOT TTT_BUILD_TESTS)
    return()
  endif()
  if(NOT TARGET ttt::testing)
    message(FATAL_ERROR "ttt_add_model_tests needs find_package(ttt 2.0 COMPONENTS testing)")
  endif()
  if(NOT CMAKE_TESTING_ENABLED)
    message(FATAL_ERROR "ttt_add_model_tests needs enable_testing() before it: ctest would find none of the tests")
  endif()
  find_package(GTest REQUIRED)
  file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tests/*.cpp)
  list(TRANSFORM TTT_GOLDENS PREPEND "\"" OUTPUT_VARIABLE goldens)
  list(TRANSFORM goldens APPEND "\"")
  string(JOIN "," goldens "\"${CMAKE_CURRENT_SOURCE_DIR}/tests/goldens\"" ${goldens})
  set(program ${model_NAME}_tests)
  add_executable(${program} ${tests})
  target_link_libraries(${program} PRIVATE ttt_model_${model_NAME} ttt::testing GTest::gtest ${model_LINK})
  target_compile_definitions(${program} PRIVATE "TTT_GOLDENS=${goldens}" "TTT_SHARED_GOLDENS=\"${TTT_SHARED_GOLDENS}\"")
  add_test(NAME ${model_NAME}.accuracy COMMAND ${program} --gtest_filter=-generation/*:performance/*:accuracy/shared_*)
  add_test(NAME ${model_NAME}.generation COMMAND ${program} --gtest_filter=generation/*-generation/shared_*)
  add_test(NAME ${model_NAME}.performance COMMAND ${program} --gtest_filter=performance/*)
  set_tests_properties(${model_NAME}.accuracy ${model_NAME}.generation ${model_NAME}.performance PROPERTIES LABELS tier3)
  if(TTT_SHARED_GOLDENS)
    foreach(group accuracy generation)
      add_test(NAME ${model_NAME}.${group}.shared COMMAND ${program} --gtest_filter=${group}/shared_*)
      set_tests_properties(${model_NAME}.${group}.shared PROPERTIES
                           LABELS tier3 SKIP_REGULAR_EXPRESSION "no shared goldens of this model")
    endforeach()
  endif()
endfunction()
