#include "program/shard_option.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>

#include "program/number_option.h"

namespace owl3 {

namespace {

/// "2/3"
Shard parse_shard(const std::string& text) {
  constexpr int64_t kMost = 1'000'000;
  const size_t slash = text.find('/');
  const auto number = decimal<int64_t>(text.substr(0, slash));
  const auto of = slash == text.npos ? std::nullopt : decimal<int64_t>(text.substr(slash + 1));
  if (!number || !of || *of < 1 || *of > kMost || *number < 1 || *number > *of) {
    throw CLI::ValidationError("--shard: \"" + text + "\" is no part of a whole, such as 2/3");
  }
  return {*number, *of};
}

}  // namespace

CLI::Option* add_shard_option(CLI::App& command, Shard& shard, const std::string& what) {
  return command
      .add_option_function<std::string>(
          "--shard", [&shard](const std::string& text) { shard = parse_shard(text); }, what)
      ->type_name("K/N");
}

}  // namespace owl3
