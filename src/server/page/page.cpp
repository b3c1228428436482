#include "server/page/page.h"

#include <array>
#include <span>
#include <string>

#include "core/error.h"
#include "core/sha.h"

#define OWL3_PAGE_BYTES(name)                   \
  extern const char owl3_page_##name##_begin[]; \
  extern const char owl3_page_##name##_end[]
extern "C" {  // page_files.S
OWL3_PAGE_BYTES(html);
OWL3_PAGE_BYTES(script);
OWL3_PAGE_BYTES(style);
OWL3_PAGE_BYTES(icon);
OWL3_PAGE_BYTES(html_gz);
OWL3_PAGE_BYTES(script_gz);
OWL3_PAGE_BYTES(style_gz);
OWL3_PAGE_BYTES(icon_gz);
}
#undef OWL3_PAGE_BYTES

namespace owl3::server {

namespace {

/// Only what came with the page runs, and it talks to this server alone. Pictures that the browser
/// holds have blob: addresses. No text can become markup, as long as the browser knows trusted
/// types.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

struct PageFile {
  std::string_view path;
  const char* type;
  std::string_view bytes;
  std::string_view compressed;
  std::string tag;  // changes with the bytes
};

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

std::string tag_of(std::string_view bytes) {
  Sha256 hash;
  hash.add(std::as_bytes(std::span(bytes)));
  constexpr size_t kBytes = 12;
  const Sha256::Digest digest = hash.finish();
  return hex_text(std::span(digest).first(kBytes));
}

const std::array<PageFile, 4>& files() {
  static const std::array<PageFile, 4> all = [] {
    std::array<PageFile, 4> made = {{
        {"/",
         "text/html; charset=utf-8",
         between(owl3_page_html_begin, owl3_page_html_end),
         between(owl3_page_html_gz_begin, owl3_page_html_gz_end),
         {}},
        {"/page.js",
         "text/javascript; charset=utf-8",
         between(owl3_page_script_begin, owl3_page_script_end),
         between(owl3_page_script_gz_begin, owl3_page_script_gz_end),
         {}},
        {"/page.css",
         "text/css; charset=utf-8",
         between(owl3_page_style_begin, owl3_page_style_end),
         between(owl3_page_style_gz_begin, owl3_page_style_gz_end),
         {}},
        {"/icon.svg",
         "image/svg+xml",
         between(owl3_page_icon_begin, owl3_page_icon_end),
         between(owl3_page_icon_gz_begin, owl3_page_icon_gz_end),
         {}},
    }};
    for (PageFile& file : made) file.tag = tag_of(file.bytes);
    return made;
  }();
  return all;
}

const PageFile* find_file(std::string_view path) {
  for (const PageFile& file : files()) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

}  // namespace

bool is_page_file(std::string_view path) {
  return find_file(path) != nullptr;
}

bool wants_page(const http::Request& request) {
  return request.header("Accept").find("text/html") != std::string_view::npos;
}

http::Response page_file(std::string_view path, const http::Request& request) {
  const PageFile* file = find_file(path);
  OWL3_CHECK(file != nullptr);
  const bool zipped = request.header("Accept-Encoding").find("gzip") != std::string_view::npos;
  const std::string tag = '"' + file->tag + (zipped ? "-gz\"" : "\"");
  http::Response response{200, file->type, {}, {}};
  response.headers = {{"ETag", tag},
                      {"Cache-Control", "no-cache"},  // kept, but asked about each time
                      {"Vary", "Accept, Accept-Encoding"},
                      {"Content-Security-Policy", kPolicy},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cross-Origin-Opener-Policy", "same-origin"},
                      {"Cross-Origin-Resource-Policy", "same-origin"}};
  if (request.header("If-None-Match").find(tag) != std::string_view::npos) {
    response.status = 304;
    return response;
  }
  if (zipped) response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = zipped ? file->compressed : file->bytes;
  return response;
}

}  // namespace owl3::server
