// The table of an .xlsx file, with the cells that openpyxl writes and reads back.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace owl3 {

class Spreadsheet {
 public:
  explicit Spreadsheet(std::vector<std::string> columns) : columns_(std::move(columns)) {}

  /// null for an empty cell, else a number, true or false, or a text. An empty text is an empty
  /// cell, one above 32767 characters is cut. Throws InputError where a text has a control
  /// character that no spreadsheet can hold.
  void add_row(std::vector<nlohmann::ordered_json> cells);

  /// {"columns", "rows"}, and "formula_cells": the texts that begin with "=", which a spreadsheet
  /// takes for formulas.
  nlohmann::ordered_json content() const;

  /// The bytes of the .xlsx file.
  std::string xlsx() const;

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<nlohmann::ordered_json>> rows_;
};

}  // namespace owl3
