// Numbers and values as Python and numpy treat them: rounding, means, what a value looks like in a
// text, paths put together.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace owl3::python {

using Json = nlohmann::ordered_json;

/// round(value, digits): by the exact value, ties to even.
double round_to(double value, int digits);
/// round(value) of a number that fits.
int64_t round_to_integer(double value);

/// numpy.sum: in the order that its pairwise summation takes.
double numpy_sum(std::span<const double> values);
/// numpy.mean; NaN of none.
double numpy_mean(std::span<const double> values);
/// sum() of floats, from the left.
double sum(std::span<const double> values);
/// NaN, where Python would not divide by 0.
double divide(double dividend, double divisor);

/// str(value), as it stands in an f-string.
std::string text_of(const Json& value);
/// int(value). Throws InputError naming `what`.
int64_t integer_of(const Json& value, std::string_view what);
/// bool(value): whether it is neither null, false, 0 nor empty.
bool is_truthy(const Json& value);

/// os.path.join: an absolute name stands alone.
std::string join_path(std::string_view folder, std::string_view name);
/// str(pathlib.Path(folder, name)): without doubled slashes, "." and a slash at the end.
std::string plain_path(std::string_view folder, std::string_view name);

/// json.dumps(value, ensure_ascii=False).
std::string json_text(const Json& value);

}  // namespace owl3::python
