# What owl3 is made of: rooms of the source tree, programs, one library for others' programs, and
# modules that these load when they need them.

# The rooms of that library (src/api/CMakeLists.txt): those of inference.
set(OWL3_LIBRARY_ROOMS core hub formats text constraint media backend model memory generate engine api)

# What most sources include, read once for all of them: half of a source's compile time is headers.
# Sources with options of their own leave them out (SKIP_PRECOMPILE_HEADERS): GCC 12 crashes otherwise.
# Sources include what they use all the same; -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON shows that they do.
set(OWL3_COMMON_HEADERS
  <algorithm> <array> <atomic> <chrono> <cmath> <condition_variable> <cstdint> <cstring> <deque>
  <filesystem> <fstream> <functional> <map> <memory> <mutex> <numeric> <optional> <random> <set> <span>
  <stdexcept> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>
  <fmt/format.h> <nlohmann/json.hpp>)

# owl3_in_library(target): compiles a target's sources for a shared library of which others see only
# what include/owl3/export.h marks.
function(owl3_in_library target)
  set_target_properties(${target} PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
endfunction()

# owl3_headers(name DEPENDS... HEADERS...): headers that targets of the same flags can share.
function(owl3_headers name)
  cmake_parse_arguments(HEADERS "" "" "DEPENDS;HEADERS" ${ARGN})
  file(CONFIGURE OUTPUT ${name}.cpp CONTENT "")  # CMake wants a source to compile them for
  add_library(${name} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  target_link_libraries(${name} PRIVATE owl3_flags ${HEADERS_DEPENDS})
  owl3_in_library(${name})
  target_precompile_headers(${name} PRIVATE ${OWL3_COMMON_HEADERS} ${HEADERS_HEADERS})
endfunction()

# owl3_room(name SOURCES... DEPENDS... [HEADERS target]): one room of the source tree as a static
# library, with the common precompiled headers, those of another target, or "own".
function(owl3_room name)
  cmake_parse_arguments(ROOM "" "HEADERS" "SOURCES;DEPENDS" ${ARGN})
  add_library(owl3_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(owl3_${name} PUBLIC owl3_flags ${ROOM_DEPENDS})
  if(ROOM_HEADERS STREQUAL own)
    return()
  elseif(NOT ROOM_HEADERS)
    set(ROOM_HEADERS owl3_headers)
  endif()
  target_precompile_headers(owl3_${name} REUSE_FROM ${ROOM_HEADERS})
  owl3_in_library(owl3_${name})  # those of programs too: what shares headers shares flags
endfunction()

# Modules lie in a folder of their own where owl3 is installed, and beside the programs where it is
# built. They are found by the RUNPATH of whoever loads them.
set(OWL3_MODULE_FOLDER ${CMAKE_INSTALL_LIBDIR}/owl3)
set(CMAKE_BUILD_RPATH $ORIGIN ${PROJECT_BINARY_DIR})
add_custom_target(owl3_modules)  # what is built with everything that may load one

# owl3_finds_modules(target folder): a program or library that is installed to this folder.
function(owl3_finds_modules target folder)
  if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${folder})
    set(modules ${CMAKE_INSTALL_FULL_LIBDIR}/owl3)
  else()
    file(RELATIVE_PATH modules /${folder} /${OWL3_MODULE_FOLDER})
    set(modules $ORIGIN/${modules})
  endif()
  set_target_properties(${target} PROPERTIES INSTALL_RPATH "${modules};$ORIGIN")
  add_dependencies(${target} owl3_modules)
endfunction()

# owl3_module(name SOURCES... DEPENDS...): build/release/<name>.so.
function(owl3_module name)
  cmake_parse_arguments(MODULE "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} MODULE ${MODULE_SOURCES})
  target_link_libraries(${name} PRIVATE ${MODULE_DEPENDS})
  owl3_in_library(${name})
  target_link_options(${name} PRIVATE
    LINKER:--exclude-libs,ALL LINKER:--gc-sections,--as-needed,--no-undefined)
  set_target_properties(${name} PROPERTIES
    PREFIX ""
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}
    INSTALL_RPATH_USE_LINK_PATH ON)  # as the library (install.cmake)
  add_dependencies(owl3_modules ${name})
  if(OWL3_INSTALL)
    install(TARGETS ${name} LIBRARY DESTINATION ${OWL3_MODULE_FOLDER} COMPONENT Runtime)
  endif()
endfunction()

# owl3_stamp(variable headers...): what a module and whoever loads it must have in common, of the
# headers between them, as the compiler sees them, and of the compiler.
function(owl3_stamp variable)
  list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/ OUTPUT_VARIABLE boundary)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${boundary})
  set(hashes ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_CXX_FLAGS})
  foreach(header IN LISTS boundary)
    file(SHA256 ${header} hash)
    list(APPEND hashes ${hash})
  endforeach()
  string(SHA256 stamp "${hashes}")
  string(SUBSTRING ${stamp} 0 12 stamp)
  set(${variable} "${PROJECT_VERSION}-${stamp}" PARENT_SCOPE)
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
  owl3_finds_modules(${name} ${CMAKE_INSTALL_BINDIR})
  if(OWL3_INSTALL)  # what was built
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT Runtime OPTIONAL)
  endif()
endfunction()
