#include "server/request_error.h"

#include <new>

#include "owl3/error.h"

namespace owl3::server {

void add_error_headers(const RequestError& error, http::Response& response) {
  if (error.status() == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (error.status() == 503 || error.status() == 429) {
    response.headers.emplace_back("Retry-After", "1");
  }
}

RequestError current_request_error() {
  try {
    throw;
  } catch (const RequestError& error) {
    return error;
  } catch (const Busy& error) {
    return {429, std::string(error.what()) + "; try again later", {}, "overloaded"};
  } catch (const OutOfMemory& error) {
    return {503, error.what(), {}, "out_of_memory"};
  } catch (const std::bad_alloc&) {
    return {503, "not enough memory", {}, "out_of_memory"};
  } catch (const Interrupted& error) {
    return {503, error.what(), {}, "interrupted"};
  } catch (const InputError& error) {
    return {400, error.what()};
  } catch (const UsageError& error) {
    return {400, error.what()};
  } catch (const std::exception& error) {
    return {500, error.what()};
  }
}

}  // namespace owl3::server
