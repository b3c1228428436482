#include "media/codecs/tiff_file.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "core/error.h"

namespace owl3 {
namespace {

struct FreeOptions {
  void operator()(TIFFOpenOptions* options) const { TIFFOpenOptionsFree(options); }
};

std::string formatted(const char* format, va_list arguments) {
  char text[256];
  std::vsnprintf(text, sizeof text, format, arguments);
  std::string message = text;
  if (message.starts_with(": ")) message.erase(0, 2);  // behind the file's name, which is empty
  std::replace(message.begin(), message.end(), '\n', ' ');
  return message;
}

}  // namespace

TiffFile::TiffFile(Bytes bytes, std::string name, int64_t max_allocation)
    : name_(std::move(name)), source_{bytes} {
  const std::unique_ptr<TIFFOpenOptions, FreeOptions> options(allocated(TIFFOpenOptionsAlloc()));
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), &TiffFile::on_error, this);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), &TiffFile::on_warning, this);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), max_allocation);
  tiff_.reset(TIFFClientOpenExt(
      "", "rm", &source_, &TiffFile::read, [](thandle_t, void*, tmsize_t) { return tmsize_t{0}; },
      &TiffFile::seek, [](thandle_t) { return 0; },
      [](thandle_t handle) -> toff_t { return static_cast<Source*>(handle)->bytes.size(); },
      nullptr, nullptr, options.get()));
  if (tiff_ == nullptr) throw_unreadable();
}

tmsize_t TiffFile::read(thandle_t handle, void* out, tmsize_t size) {
  auto* source = static_cast<Source*>(handle);
  if (size <= 0) return 0;
  const uint64_t left =
      source->bytes.size() - std::min<uint64_t>(source->position, source->bytes.size());
  const size_t count = std::min<uint64_t>(static_cast<uint64_t>(size), left);
  source->is_short = source->is_short || count < static_cast<uint64_t>(size);
  if (count == 0) return 0;
  std::memcpy(out, source->bytes.data() + source->position, count);
  source->position += count;
  return static_cast<tmsize_t>(count);
}

toff_t TiffFile::seek(thandle_t handle, toff_t offset, int whence) {
  auto* source = static_cast<Source*>(handle);
  if (whence == SEEK_CUR) offset += source->position;
  if (whence == SEEK_END) offset += source->bytes.size();
  source->position = offset;  // beyond the end is found out by reading
  return offset;
}

int TiffFile::on_error(TIFF*, void* self, const char*, const char* format, va_list arguments) {
  auto* file = static_cast<TiffFile*>(self);
  if (file->error_.empty()) file->error_ = formatted(format, arguments);
  return 1;  // told; nothing for standard error
}

int TiffFile::on_warning(TIFF*, void* self, const char*, const char* format, va_list arguments) {
  auto* file = static_cast<TiffFile*>(self);
  if (file->reading_pixels_ && file->warning_.empty()) {
    file->warning_ = formatted(format, arguments);
  }
  return 1;
}

void TiffFile::throw_unreadable() const {
  throw InputError(fmt::format("{}: {}: {}", name_,
                               source_.is_short
                                   ? "broken TIFF: it breaks off, or points beyond its end"
                                   : "the TIFF can't be read",
                               error_.empty() ? "its strips or tiles make no sense" : error_));
}

void TiffFile::throw_unsupported(const std::string& what) const {
  throw InputError(
      fmt::format("{}: TIFF with {} can't be shown; convert it to PNG or JPEG", name_, what));
}

}  // namespace owl3
