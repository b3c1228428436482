// Many HTTP requests at once, each followed through its redirections.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct sockaddr;

namespace owl3 {

struct HttpResponse {
  int status = 0;
  /// Of the last answer, names in lower case; those beginning with "x-" of the redirections before
  /// it too.
  std::map<std::string, std::string> headers;
  std::string body;       // of what no sink took
  std::string host;       // that gave the last answer
  std::string failure;    // why there is no whole answer: "connection refused"; empty: there is
  bool can_retry = true;  // where there is a failure
  std::chrono::seconds retry_after{0};

  const std::string& header(const std::string& name) const;
};

struct HttpRequest {
  std::string url;
  /// Sent to the host of `url` alone, never to one that it redirects to.
  std::string token;
  std::string range;  // "0-1023"; empty: all
  /// Takes the body of a successful answer (200, 206); returns false to break it off.
  std::function<bool(const HttpResponse&, std::span<const std::byte>)> sink;
};

struct HttpOptions {
  std::string user_agent = "owl3";
  int stall_seconds = 20;  // without data, after which a connection is given up
  int most_seconds = 0;    // of one address in all; 0: as long as data comes
  /// Of an address that is to be asked, by redirections too: why it is not, or nothing.
  std::function<std::string(const std::string& url)> refusal{};
  /// Whether a host may be connected to, by the address that its name has just been resolved to.
  /// Where this is given, no proxy is used: it would resolve names itself.
  std::function<bool(const sockaddr& address)> may_connect{};
};

class HttpClient {
 public:
  using Id = uint64_t;
  struct Finished {
    Id id;
    HttpResponse response;
  };

  explicit HttpClient(const HttpOptions& options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  Id start(HttpRequest request);
  void cancel(Id id);
  /// Works on all requests for up to `wait`; returns those that ended. What a sink threw is thrown.
  std::vector<Finished> poll(std::chrono::milliseconds wait);
  /// One request alone. Throws Interrupted when `goes_on` returns false.
  HttpResponse get(HttpRequest request, const std::function<bool()>& goes_on);

 private:
  class Transfer;
  struct Multi;

  HttpOptions options_;
  std::unique_ptr<Multi> multi_;
  std::map<Id, std::unique_ptr<Transfer>> transfers_;
  Id next_ = 1;
};

/// "huggingface.co" of an address, with its port where it names one.
std::string host_of(std::string_view url);
/// "https://huggingface.co:443": who may see a token.
std::string origin_of(std::string_view url);
/// As a part of an address; '/' stays where `keep_slashes`.
std::string percent_encoded(std::string_view text, bool keep_slashes);

}  // namespace owl3
