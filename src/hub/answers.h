// What a hub's answers mean: whether they are of the file that is wanted, whether another attempt
// may help, and what a refusal is to the user.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "hub/repository.h"

namespace owl3 {

/// "Hugging Face", "ModelScope", or the host of another hub that is asked in its place.
std::string hub_name(const HubAccess& access);

/// How long to wait before attempt `attempt` (from 1), in the face of that answer.
std::chrono::milliseconds pause_before(int attempt, const HttpResponse& response,
                                       const HubAccess& access);
/// Whether another attempt may help: what broke off, 429, and a server's own errors.
bool may_pass(const HttpResponse& response);
/// "huggingface.co: connection refused"
std::string problem_of(const HttpResponse& response);
/// Throws what a final answer other than success means to the user.
[[noreturn]] void refuse(const HttpResponse& response, const HubAccess& access,
                         const std::string& repository, const std::string& revision);

/// Whether the hub names another checksum for the file, or the answer another size.
bool has_another_checksum(const HttpResponse& response, const std::string& checksum);
bool has_another_length(const HttpResponse& response, uint64_t size);
/// Whether a part of a file begins there, and the file has that size.
bool range_is(const HttpResponse& response, uint64_t begin, uint64_t size);
/// The file is not there (404, 410), or has no such range (416).
bool is_missing(const HttpResponse& response);
bool has_no_such_range(const HttpResponse& response);
/// What came where a file of that size was asked for: "huggingface.co answered 404".
std::string unexpected_text(const HttpResponse& response, uint64_t size);

}  // namespace owl3
