#include "media/live_reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "core/error.h"
#include "media/codecs.h"

namespace owl3 {
namespace {

/// What a URL's protocol is carried by. Naming it on the command line names these.
struct Carried {
  std::string_view protocol;
  const char* by;
};
constexpr Carried kCarried[] = {{"http", "http,tcp"},
                                {"https", "https,tls,tcp"},
                                {"rtsp", "rtsp,rtp,udp,tcp"},
                                {"rtsps", "rtsps,rtp,udp,tls,tcp"},
                                {"rtmp", "rtmp,tcp"},
                                {"rtmps", "rtmps,tls,tcp"},
                                {"rtp", "rtp,udp"},
                                {"udp", "udp"},
                                {"tcp", "tcp"},
                                {"srt", "srt"},
                                {"tls", "tls,tcp"},
                                {"unix", "unix"}};

std::string known_protocols() {
  std::vector<std::string_view> names;
  for (const Carried& carried : kCarried) names.push_back(carried.protocol);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string without_password(const std::string& url) {
  const size_t scheme = url.find("://");
  if (scheme == url.npos) return url;
  const size_t user = scheme + 3;
  const size_t at = url.substr(0, url.find_first_of("/?#", user)).rfind('@');
  const size_t colon = url.find(':', user);
  if (at == url.npos || at < user || colon > at) return url;
  return url.substr(0, colon) + ":***" + url.substr(at);
}

LiveInput url_input(const std::string& url, size_t scheme,
                    const std::vector<std::string>& protocols) {
  std::string name = url.substr(0, scheme);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto* carried = std::find_if(std::begin(kCarried), std::end(kCarried),
                                     [&](const Carried& one) { return one.protocol == name; });
  if (carried == std::end(kCarried)) {
    throw UsageError(fmt::format("{}: {} is no protocol for live pictures; these are: {}",
                                 without_password(url), name, known_protocols()));
  }
  LiveInput input{LiveKind::kUrl, url, carried->by};
  for (const std::string& more : protocols) {
    const auto is_letter = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+';
    };
    if (more.empty() || !std::all_of(more.begin(), more.end(), is_letter)) {
      throw UsageError(fmt::format("\"{}\" is no name of a protocol", more));
    }
    input.protocols += "," + more;
  }
  return input;
}

LiveKind kind_of_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    throw InputError(fmt::format("{}: {}", path, errno_text(errno)));
  }
  if (S_ISDIR(status.st_mode)) return LiveKind::kFolder;
  if (S_ISREG(status.st_mode)) return LiveKind::kFile;
  if (S_ISFIFO(status.st_mode)) return LiveKind::kPipe;
  if (S_ISCHR(status.st_mode)) return LiveKind::kDevice;
  throw InputError(fmt::format("{}: neither a file, a folder, a pipe nor a camera's device", path));
}

}  // namespace

std::string LiveInput::shown_name() const {
  if (is_standard_input()) return "standard input";
  return kind == LiveKind::kUrl ? without_password(name) : name;
}

LiveInput find_live_input(const std::string& source, const std::vector<std::string>& protocols) {
  if (source.empty()) throw UsageError("the live source has no name");
  if (const size_t scheme = source.find("://"); scheme != source.npos && scheme > 0) {
    return url_input(source, scheme, protocols);
  }
  if (!protocols.empty()) {
    throw UsageError(fmt::format("{}: is no URL, for which no protocol is opened", source));
  }
  if (source == "-") return {LiveKind::kPipe, source, {}};
  return {kind_of_file(source), source, {}};
}

std::unique_ptr<LiveReader> open_live(const LiveInput& input, FilmWatch& watch) {
  if (input.kind == LiveKind::kFolder) return watch_folder(input, watch);
  return codecs(input.name).open_live_film(input, watch);
}

}  // namespace owl3
