# Compile flags of every owl3 target: warnings are errors, sanitizers on request.
add_library(owl3_flags INTERFACE)
target_compile_options(owl3_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                       -Wno-sign-conversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees copies beyond the end of strings, and overlapping ones, where there are none (GCC bug
  # 105651).
  target_compile_options(owl3_flags INTERFACE -Wno-array-bounds -Wno-restrict
                         -Wno-stringop-overread -Wno-stringop-overflow)
endif()
if(OWL3_FUZZ)  # Clang's opinion of warnings differs; GCC's builds are the strict ones
  target_compile_options(owl3_flags INTERFACE -fsanitize=fuzzer-no-link)
else()
  target_compile_options(owl3_flags INTERFACE -Werror)
endif()
target_include_directories(owl3_flags INTERFACE ${PROJECT_SOURCE_DIR}/src
                           ${PROJECT_SOURCE_DIR}/include)
if(OWL3_SANITIZE)
  target_compile_options(owl3_flags INTERFACE -fsanitize=${OWL3_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(owl3_flags INTERFACE -fsanitize=${OWL3_SANITIZE})
endif()
