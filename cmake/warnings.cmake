# Compile flags of every owl3 target: warnings are errors, sanitizers on request.
add_library(owl3_flags INTERFACE)
target_compile_options(owl3_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                       -Wno-sign-conversion)
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
