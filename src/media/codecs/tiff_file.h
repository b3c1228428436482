// A TIFF file as libtiff opens it: from memory, its messages kept, its allocations bounded.
#pragma once

#include <tiffio.h>

#include <memory>
#include <string>
#include <vector>

#include "media/decode_formats.h"

namespace owl3 {

/// A TIFF or BigTIFF file, at its first page.
class TiffFile {
 public:
  /// Throws InputError. libtiff may take `max_allocation` bytes at once.
  TiffFile(Bytes bytes, std::string name, int64_t max_allocation);
  TiffFile(const TiffFile&) = delete;
  TiffFile& operator=(const TiffFile&) = delete;

  TIFF* handle() const { return tiff_.get(); }
  const std::string& name() const { return name_; }

  /// The value of a tag of one number, its default where it has one, else `absent`.
  template <typename T>
  T number(uint32_t tag, T absent) const {
    T value = absent;
    return TIFFGetFieldDefaulted(tiff_.get(), tag, &value) != 0 ? value : absent;
  }

  /// From now on what libtiff says is about the pixels of this page, and warnings are kept too.
  void begin_pixels() {
    reading_pixels_ = true;
    error_.clear();
  }
  /// The first of them, or empty.
  const std::string& pixel_warning() const { return warning_; }

  /// "NAME: broken TIFF: it breaks off, ..." or "NAME: the TIFF can't be read: ...", with libtiff's
  /// own words.
  [[noreturn]] void throw_unreadable() const;
  /// "NAME: TIFF with ... can't be shown ...", for what is not broken, but beyond us.
  [[noreturn]] void throw_unsupported(const std::string& what) const;

 private:
  struct Close {
    void operator()(TIFF* tiff) const { TIFFClose(tiff); }
  };
  struct Source {  // as libtiff reads it
    Bytes bytes;
    uint64_t position = 0;
    bool is_short = false;  // more was asked for than there is
  };

  static tmsize_t read(thandle_t handle, void* out, tmsize_t size);
  static toff_t seek(thandle_t handle, toff_t offset, int whence);
  static int on_error(TIFF*, void* self, const char* module, const char* format, va_list arguments);
  static int on_warning(TIFF*, void* self, const char* module, const char* format,
                        va_list arguments);

  std::string name_;
  Source source_;
  std::string error_;
  std::string warning_;
  bool reading_pixels_ = false;
  std::unique_ptr<TIFF, Close> tiff_;  // last: it writes to the others while it is closed
};

}  // namespace owl3
