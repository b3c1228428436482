// What readers of several forms of files make of them: rows as the official evaluation has them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "benchmarks/data_set.h"
#include "core/error.h"

namespace owl3::readers {

/// Adds a row, brought to the official form by `convert`. What is wrong with it is its error.
template <typename Convert>
void add_row(BenchmarkData& data, std::string where, const Convert& convert) {
  BenchmarkRow row;
  row.place.index = std::ssize(data.rows);
  row.where = std::move(where);
  try {
    row.row = convert();
    if (!row.row.is_object()) throw InputError(fmt::format("{}: no JSON object", row.where));
  } catch (const InputError& error) {
    row.error = error.what();
  }
  data.rows.push_back(std::move(row));
}

/// The annotations of a question whose file has the annotators' answers alone. Throws InputError.
nlohmann::ordered_json annotation_of(const nlohmann::ordered_json& question);

/// A row of MMBench's table. Throws InputError.
nlohmann::ordered_json mmbench_row(const Table& table, size_t row);

}  // namespace owl3::readers
