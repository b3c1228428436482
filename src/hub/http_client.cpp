#include "hub/http_client.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "hub/curl_library.h"

namespace owl3 {

namespace {

constexpr int kMostRedirections = 8;
constexpr size_t kMostBody = 64 << 20;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

bool is_redirection(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool may_pass(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_WRITE_ERROR:
    case CURLE_OUT_OF_MEMORY:
      return false;
    default:
      return true;
  }
}

/// The first of these variables that is set; curl's library reads those of proxies itself, but
/// leaves these to programs.
const char* first_set(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return nullptr;
}

}  // namespace

const std::string& HttpResponse::header(const std::string& name) const {
  static const std::string kNone;
  const auto found = headers.find(name);
  return found == headers.end() ? kNone : found->second;
}

struct HttpClient::Multi {
  const CurlLibrary& curl = curl_library();
  CURLM* handle = allocated(curl.multi_init());
  std::vector<CURL*> idle;  // keep their connections' memory, not their settings

  Multi() = default;
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;
  ~Multi() {
    for (CURL* easy : idle) curl.easy_cleanup(easy);
    curl.multi_cleanup(handle);
  }
  CURL* take() {
    if (idle.empty()) return allocated(curl.easy_init());
    CURL* easy = idle.back();
    idle.pop_back();
    return easy;
  }
  void give_back(CURL* easy) {
    curl.easy_reset(easy);
    idle.push_back(easy);
  }
};

/// One request, through all its redirections.
class HttpClient::Transfer {
 public:
  Transfer(Multi& multi, const HttpOptions& options, HttpRequest request, Id its_id)
      : id(its_id),
        multi_(multi),
        options_(options),
        request_(std::move(request)),
        easy_(multi.take()) {
    set_up();
    go_to(request_.url);
  }
  ~Transfer() {
    multi_.curl.multi_remove_handle(multi_.handle, easy_);
    multi_.give_back(easy_);
    multi_.curl.slist_free_all(headers_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// Whether that was the end; otherwise the way goes on to where it was sent.
  bool ended(CURLcode code) {
    multi_.curl.multi_remove_handle(multi_.handle, easy_);
    char* next = nullptr;
    multi_.curl.easy_getinfo(easy_, CURLINFO_REDIRECT_URL, &next);
    if (code == CURLE_OK && is_redirection(response.status) && next != nullptr) {
      return !follow(next);
    }
    if (code != CURLE_OK && response.failure.empty()) {
      response.failure = error_[0] != '\0' ? error_.data() : multi_.curl.easy_strerror(code);
      if (kept_away_) response.failure = response.host + " has an address that is not public";
      response.can_retry = may_pass(code);
    }
    curl_off_t seconds = 0;
    multi_.curl.easy_getinfo(easy_, CURLINFO_RETRY_AFTER, &seconds);
    response.retry_after = std::chrono::seconds(seconds);
    return true;
  }

  const Id id;
  HttpResponse response;
  std::exception_ptr thrown;

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    multi_.curl.easy_setopt(easy_, option, value);
  }

  void set_up() {
    set(CURLOPT_PRIVATE, static_cast<void*>(this));
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_USERAGENT, options_.user_agent.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    // A connection a request: their windows are what a far host's rate is bounded by.
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(options_.stall_seconds));
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.stall_seconds));
    set(CURLOPT_TIMEOUT, static_cast<long>(options_.most_seconds));
    if (options_.may_connect) {
      set(CURLOPT_PROXY, "");
      set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_connect);
      set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
    }
    set(CURLOPT_BUFFERSIZE, 256L << 10);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    if (!request_.range.empty()) set(CURLOPT_RANGE, request_.range.c_str());
    if (const char* file = first_set({"CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"})) {
      set(CURLOPT_CAINFO, file);
    }
    if (const char* folder = first_set({"SSL_CERT_DIR"})) set(CURLOPT_CAPATH, folder);
  }

  void go_to(const std::string& url) {
    url_ = url;
    response.host = host_of(url);
    response.body.clear();
    error_[0] = '\0';
    multi_.curl.slist_free_all(headers_);
    headers_ = multi_.curl.slist_append(nullptr, "Accept-Encoding: identity");
    if (!request_.token.empty() && origin_of(url) == origin_of(request_.url)) {
      const std::string line = "Authorization: Bearer " + request_.token;
      headers_ = multi_.curl.slist_append(headers_, line.c_str());
    }
    set(CURLOPT_HTTPHEADER, headers_);
    set(CURLOPT_URL, url_.c_str());
    multi_.curl.multi_add_handle(multi_.handle, easy_);
  }

  bool follow(const std::string& next) {
    if (++redirections_ > kMostRedirections) {
      response.failure = "it redirects in circles";
    } else if (url_.starts_with("https:") && !lower(next).starts_with("https:")) {
      response.failure = fmt::format("it redirects to {} without encryption", host_of(next));
    } else if (options_.refusal) {
      response.failure = options_.refusal(next);
      if (!response.failure.empty()) response.failure = "it redirects: " + response.failure;
    }
    if (!response.failure.empty()) {
      response.can_retry = false;
      return false;
    }
    go_to(next);
    return true;
  }

  void add_header(std::string_view line) {
    if (line.starts_with("HTTP/")) {  // of the next answer
      std::erase_if(response.headers,
                    [](const auto& header) { return !header.first.starts_with("x-"); });
      const size_t space = line.find(' ');
      response.status = space == line.npos ? 0 : std::atoi(line.data() + space + 1);
      return;
    }
    const size_t colon = line.find(':');
    if (colon == line.npos || response.headers.size() > 200) return;
    response.headers[lower(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
  }

  bool add_body(std::span<const std::byte> bytes) {
    const bool is_success = response.status == 200 || response.status == 206;
    if (is_success && request_.sink) return request_.sink(response, bytes);
    if (response.body.size() + bytes.size() > kMostBody) return false;
    response.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return true;
  }

  static size_t on_header(char* data, size_t size, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    return transfer.guarded(size * count, [&] {
      transfer.add_header({data, size * count});
      return true;
    });
  }

  static curl_socket_t on_connect(void* self, curlsocktype, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(self);
    try {
      if (transfer.options_.may_connect(address->addr)) {
        return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
      }
    } catch (...) {
      transfer.thrown = std::current_exception();
    }
    transfer.kept_away_ = true;
    return CURL_SOCKET_BAD;
  }

  static size_t on_body(char* data, size_t size, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    return transfer.guarded(size * count, [&] {
      return transfer.add_body(std::as_bytes(std::span<const char>(data, size * count)));
    });
  }

  /// Nothing may be thrown through curl.
  template <typename Work>
  size_t guarded(size_t size, const Work& work) {
    try {
      return work() ? size : 0;
    } catch (...) {
      thrown = std::current_exception();
      return 0;
    }
  }

  Multi& multi_;
  const HttpOptions& options_;
  HttpRequest request_;
  CURL* easy_;
  curl_slist* headers_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::string url_;
  int redirections_ = 0;
  bool kept_away_ = false;  // from an address, by the options
};

HttpClient::HttpClient(const HttpOptions& options)
    : options_(options), multi_(std::make_unique<Multi>()) {}

HttpClient::~HttpClient() = default;

HttpClient::Id HttpClient::start(HttpRequest request) {
  const Id id = next_++;
  transfers_[id] = std::make_unique<Transfer>(*multi_, options_, std::move(request), id);
  return id;
}

void HttpClient::cancel(Id id) {
  transfers_.erase(id);
}

std::vector<HttpClient::Finished> HttpClient::poll(std::chrono::milliseconds wait) {
  std::vector<Finished> finished;
  int running = 0;
  multi_->curl.multi_perform(multi_->handle, &running);
  int left = 0;
  while (CURLMsg* message = multi_->curl.multi_info_read(multi_->handle, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // the message goes with its handle
    void* owner = nullptr;
    multi_->curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
    auto& transfer = *static_cast<Transfer*>(owner);
    if (!transfer.ended(code)) continue;
    const auto node = transfers_.extract(transfer.id);
    if (node.mapped()->thrown) std::rethrow_exception(node.mapped()->thrown);
    finished.push_back({node.key(), std::move(node.mapped()->response)});
  }
  if (finished.empty()) {
    multi_->curl.multi_poll(multi_->handle, nullptr, 0, static_cast<int>(wait.count()), nullptr);
  }
  return finished;
}

HttpResponse HttpClient::get(HttpRequest request, const std::function<bool()>& goes_on) {
  const Id id = start(std::move(request));
  while (true) {
    if (!goes_on()) {
      cancel(id);
      throw Interrupted("interrupted");
    }
    for (Finished& finished : poll(std::chrono::milliseconds(100))) {
      if (finished.id == id) return std::move(finished.response);
    }
  }
}

std::string host_of(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme != url.npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const size_t at = url.rfind('@'); at != url.npos) url.remove_prefix(at + 1);
  return lower(url);
}

std::string origin_of(std::string_view url) {
  const std::string scheme = lower(url.substr(0, std::min(url.find("://"), url.size())));
  std::string host = host_of(url);
  const bool has_port = host.rfind(':') != host.npos && host.back() != ']';
  if (!has_port) host += scheme == "https" ? ":443" : ":80";
  return scheme + "://" + host;
}

std::string percent_encoded(std::string_view text, bool keep_slashes) {
  std::string out;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ||
                       c == '.' || c == '~' || (c == '/' && keep_slashes);
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace owl3
