// The page that a browser is shown: files of web/dist that are in the program, and what is said
// about them to browsers, so that nothing but these files ever runs in it.
#pragma once

#include <string_view>

#include "server/http/http_server.h"

namespace owl3::server {

/// Whether the page has a file at this path ("/page.js"; "/" is the page itself).
bool is_page_file(std::string_view path);

/// Whether whoever asks wants to see a page there: browsers do, other clients don't say so.
bool wants_page(const http::Request& request);

/// The file at a path, compressed where the browser takes it so; 304 without it where
/// the browser has it already.
http::Response page_file(std::string_view path, const http::Request& request);

}  // namespace owl3::server
