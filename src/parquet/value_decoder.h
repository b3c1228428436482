// The values of a page, one after the other, as Parquet's PLAIN encoding has them: numbers with
// their lowest byte first, truth values as a byte, texts as their bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "parquet/page_header.h"
#include "parquet/schema.h"

namespace owl3::parquet {

class ValueDecoder {
 public:
  virtual ~ValueDecoder() = default;
  /// Valid until the next call, and as long as the page. Throws InputError where there is no more.
  virtual std::string_view next() = 0;
};

/// The values of a dictionary page.
using Dictionary = std::vector<std::string_view>;

/// Throws InputError where the page has fewer than `count` values.
Dictionary read_dictionary(std::span<const std::byte> page, const ValueType& type, int64_t count);

/// Throws InputError that names the encoding, for one that is not read, or that values of the type
/// can't have. `dictionary` outlives the decoder.
std::unique_ptr<ValueDecoder> make_value_decoder(Encoding encoding, const ValueType& type,
                                                 std::span<const std::byte> values,
                                                 const Dictionary& dictionary);

}  // namespace owl3::parquet
