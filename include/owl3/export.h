// What of this library other programs may link to.
#pragma once

#if __cplusplus < 202002L
#error "owl3's headers are C++20: compile with -std=c++20 or later"
#endif

/// Marks the classes and functions of the public API; everything else stays inside the library.
#define OWL3_API __attribute__((visibility("default")))
/// What of a public class stays inside after all.
#define OWL3_LOCAL __attribute__((visibility("hidden")))
