# What `cmake --install` lays down beside the programs (owl3_program in rooms.cmake): the library, its
# headers, what CMake and pkg-config find it by, and the documentation. All paths in it follow the
# prefix, so that the copy may be moved.
include(CMakePackageConfigHelpers)

set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/owl3)
# Libraries that stand outside the system's folders, such as another LibTorch, are found again.
set_property(TARGET owl3_library PROPERTY INSTALL_RPATH_USE_LINK_PATH ON)
owl3_finds_modules(owl3_library ${CMAKE_INSTALL_LIBDIR})

# What demo.sh builds is less than what is installed.
install(CODE "
  if(NOT EXISTS \"$<TARGET_FILE:owl3_library>\")
    message(FATAL_ERROR \"$<TARGET_FILE:owl3_library> is not built yet. First: \"
      \"cmake --build '${PROJECT_BINARY_DIR}'\")
  endif()" COMPONENT Runtime)
install(TARGETS owl3_library EXPORT owl3Targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT Runtime NAMELINK_COMPONENT Development)
install(DIRECTORY include/owl3 DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT Development
  FILES_MATCHING PATTERN "*.h")

install(EXPORT owl3Targets NAMESPACE owl3:: DESTINATION ${config_folder} COMPONENT Development)
configure_package_config_file(cmake/owl3Config.cmake.in ${PROJECT_BINARY_DIR}/owl3Config.cmake
  INSTALL_DESTINATION ${config_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/owl3ConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/owl3Config.cmake ${PROJECT_BINARY_DIR}/owl3ConfigVersion.cmake
  DESTINATION ${config_folder} COMPONENT Development)

if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  set(pc_prefix ${CMAKE_INSTALL_PREFIX})
  set(pc_libdir ${CMAKE_INSTALL_LIBDIR})
else()
  file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  string(REGEX REPLACE "/$" "" up ${up})
  set(pc_prefix "\${pcfiledir}/${up}")
  set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
if(IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
  set(pc_includedir ${CMAKE_INSTALL_INCLUDEDIR})
endif()
configure_file(cmake/owl3.pc.in ${PROJECT_BINARY_DIR}/owl3.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/owl3.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
  COMPONENT Development)

install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT Documentation)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT Documentation)

# Made by the program as it is installed, beside its companions, whose commands are in them.
install(CODE "set(owl3_program \"$<TARGET_FILE:owl3>\")
set(owl3_documents \"${PROJECT_BINARY_DIR}/documents\")" COMPONENT Runtime)
install(CODE [[
  function(owl3_write file)
    file(MAKE_DIRECTORY ${owl3_documents})
    execute_process(COMMAND ${owl3_program} ${ARGN} OUTPUT_FILE ${owl3_documents}/${file}
      RESULT_VARIABLE failed)
    if(failed)
      message(FATAL_ERROR "${owl3_program} ${ARGN}: failed")
    endif()
  endfunction()
  if(EXISTS ${owl3_program})
    owl3_write(owl3.1 man)
    owl3_write(owl3 completions bash)
    owl3_write(_owl3 completions zsh)
    owl3_write(owl3.fish completions fish)
  endif()
]] COMPONENT Runtime)
set(documents ${PROJECT_BINARY_DIR}/documents)
install(FILES ${documents}/owl3.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
  COMPONENT Runtime OPTIONAL)
install(FILES ${documents}/owl3 DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  COMPONENT Runtime OPTIONAL)
install(FILES ${documents}/_owl3 DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions
  COMPONENT Runtime OPTIONAL)
install(FILES ${documents}/owl3.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
  COMPONENT Runtime OPTIONAL)
