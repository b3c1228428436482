// The fields of a JSON object that a client sent; what is wrong with one is an error that names it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace owl3::server {

using Json = nlohmann::json;

/// Throws RequestError where the body is no JSON object, or nested deeper than anybody needs.
Json parse_body(std::string_view body);

class Fields {
 public:
  /// `place` stands before names: "messages[0]." or nothing.
  Fields(const Json& object, std::string place) : object_(object), place_(std::move(place)) {}

  /// Null where the field isn't there, or is null.
  const Json* find(const char* name) const;
  std::string place_of(const char* name) const { return place_ + name; }

  std::optional<std::string> text(const char* name) const;
  std::optional<bool> boolean(const char* name) const;
  /// A whole number; 3.0 is one.
  std::optional<int64_t> integer(const char* name, int64_t low, int64_t high) const;
  std::optional<double> number(const char* name, double low, double high) const;
  /// Null where it isn't there.
  const Json* object(const char* name) const;
  const Json* list(const char* name) const;

  /// Throws RequestError.
  [[noreturn]] void fail(const char* name, const std::string& what) const;

 private:
  const Json& object_;
  std::string place_;
};

}  // namespace owl3::server
