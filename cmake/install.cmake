# What `cmake --install` gives: headers, libraries, and a package for find_package(ttt 2.0 [COMPONENTS text testing compat]).
# Included from the root after all targets exist.
#
# libttt's header-only dependencies are linked as $<BUILD_INTERFACE:...> in src/CMakeLists.txt, so the package asks
# for Threads only. A target that libttt links privately must join its export set: a folder that adds one says
#   set_property(GLOBAL APPEND PROPERTY TTT_INSTALL_TARGETS the_target)
# The optional components have export sets of their own: tttTextTargets (filled where the component is defined, with the Rust
# library it brings), tttTestingTargets and tttCompatTargets.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(ttt_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ttt)
get_property(ttt_more_targets GLOBAL PROPERTY TTT_INSTALL_TARGETS)
set_target_properties(ttt PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
foreach(component ttt_text ttt_testing ttt_compat)
  if(TARGET ${component})
    # As shared libraries they find libttt beside them.
    set_target_properties(${component} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                                                  INSTALL_RPATH "$ORIGIN")
  endif()
endforeach()
install(TARGETS ttt ${ttt_more_targets} EXPORT tttTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(EXPORT tttTargets FILE ttt-targets.cmake NAMESPACE ttt:: DESTINATION ${ttt_package_dir})

set(ttt_headers_left_out PATTERN "rust" EXCLUDE PATTERN "allocate.h" EXCLUDE PATTERN "strict_json.h" EXCLUDE PATTERN "weight_view.h" EXCLUDE PATTERN "*abi*.h" EXCLUDE)
if(NOT TARGET ttt_text)
  list(APPEND ttt_headers_left_out PATTERN "text" EXCLUDE)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/src/ttt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h" ${ttt_headers_left_out})

if(TARGET ttt_text)
  install(EXPORT tttTextTargets FILE ttt-text-targets.cmake NAMESPACE ttt:: DESTINATION ${ttt_package_dir})
endif()

install(TARGETS ttt_compat EXPORT tttCompatTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT tttCompatTargets FILE ttt-compat-targets.cmake NAMESPACE ttt:: DESTINATION ${ttt_package_dir})

if(TARGET ttt_testing)
  set_target_properties(ttt_testing PROPERTIES EXPORT_NAME testing)
  install(TARGETS ttt_testing EXPORT tttTestingTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT tttTestingTargets FILE ttt-testing-targets.cmake NAMESPACE ttt:: DESTINATION ${ttt_package_dir})
endif()

if(TTT_BUILD_APPS)
  get_property(ttt_programs DIRECTORY ${PROJECT_SOURCE_DIR}/apps/ttt PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS ttt_programs)
    get_target_property(ttt_type ${target} TYPE)
    if(ttt_type STREQUAL "EXECUTABLE")
      set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
      install(TARGETS ${target} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
  endforeach()
  get_property(ttt_man_folder GLOBAL PROPERTY TTT_MAN_FOLDER)
  if(ttt_man_folder)
    install(DIRECTORY ${ttt_man_folder}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  endif()
endif()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/ttt-config.cmake.in ${PROJECT_BINARY_DIR}/ttt-config.cmake
                              INSTALL_DESTINATION ${ttt_package_dir}
                              NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ttt-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ttt-config.cmake ${PROJECT_BINARY_DIR}/ttt-config-version.cmake
              ${CMAKE_CURRENT_LIST_DIR}/ttt-models.cmake
        DESTINATION ${ttt_package_dir})

# pkg-config, for builds without CMake: pkg-config --cflags --libs [--static] ttt ttt-text
set(ttt_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH ttt_pc_to_prefix /${ttt_pc_dir} /)
string(REGEX REPLACE "/$" "" ttt_pc_to_prefix ${ttt_pc_to_prefix})
set(ttt_pc_files ttt)
if(TARGET ttt_text)
  list(APPEND ttt_pc_files ttt-text)
endif()
foreach(name IN LISTS ttt_pc_files)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${ttt_pc_dir})
endforeach()

include(${CMAKE_CURRENT_LIST_DIR}/package.cmake)
