# What owl3 is made of: rooms of the source tree, programs, and one library for others' programs.

# The rooms of that library (src/api/CMakeLists.txt): those of inference.
set(OWL3_LIBRARY_ROOMS core formats text media backend model generate api)

# owl3_in_library(target): compiles a target's sources for a shared library of which others see only
# what include/owl3/export.h marks.
function(owl3_in_library target)
  set_target_properties(${target} PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
endfunction()

# owl3_room(name SOURCES... DEPENDS...): one room of the source tree as a static library.
function(owl3_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(owl3_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(owl3_${name} PUBLIC owl3_flags ${ROOM_DEPENDS})
  if(name IN_LIST OWL3_LIBRARY_ROOMS)
    owl3_in_library(owl3_${name})
  endif()
endfunction()

# owl3_program(name SOURCES... DEPENDS...): a program that people run. It stands where they look for
# it, and beside the others, which look for each other there: build/release/owl3.
function(owl3_program name)
  cmake_parse_arguments(PROGRAM "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${PROGRAM_SOURCES})
  target_link_libraries(${name} PRIVATE ${PROGRAM_DEPENDS})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}
    INSTALL_RPATH_USE_LINK_PATH ON)  # as the library (install.cmake)
  if(OWL3_INSTALL)  # what was built
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT Runtime OPTIONAL)
  endif()
endfunction()
