// For LeakSanitizer: fontconfig, which Cairo asks for a font, keeps what it found until the process
// ends, by pointers that the sanitizer does not see.
extern "C" const char* __lsan_default_suppressions();

extern "C" const char* __lsan_default_suppressions() {
  return "leak:libfontconfig";
}
