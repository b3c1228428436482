#include "benchmarks/spreadsheet.h"

#include <utility>

#include "benchmarks/python_text.h"
#include "benchmarks/zip_file.h"
#include "core/error.h"

namespace owl3 {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostCharacters = 32767;

bool is_formula(const Json& cell) {
  if (!cell.is_string()) return false;
  const auto text = cell.get<std::string>();
  return text.size() > 1 && text.starts_with('=');
}

/// A text as a cell holds it.
Json cell_of(const std::string& text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') {
      throw InputError(
          fmt::format("a spreadsheet can't hold the control character U+{:04X}", byte));
    }
  }
  if (text.empty()) return nullptr;
  // XML has one kind of line break.
  const std::string lines =
      python::replace_all(python::replace_all(text, "\r\n", "\n"), "\r", "\n");
  return std::string(python::first_characters(lines, kMostCharacters));
}

std::string escaped(std::string_view text) {
  std::string xml;
  for (const char c : text) {
    switch (c) {
      case '&':
        xml += "&amp;";
        break;
      case '<':
        xml += "&lt;";
        break;
      case '>':
        xml += "&gt;";
        break;
      default:
        xml += c;
    }
  }
  return xml;
}

std::string cell_xml(const Json& cell) {
  if (cell.is_null()) return "<c/>";
  if (cell.is_boolean()) return fmt::format("<c t=\"b\"><v>{}</v></c>", cell.get<bool>() ? 1 : 0);
  if (!cell.is_string()) return fmt::format("<c><v>{}</v></c>", cell.dump());
  const auto text = cell.get<std::string>();
  if (is_formula(cell)) return fmt::format("<c><f>{}</f></c>", escaped(text.substr(1)));
  return fmt::format("<c t=\"inlineStr\"><is><t xml:space=\"preserve\">{}</t></is></c>",
                     escaped(text));
}

std::string row_xml(const std::vector<Json>& cells) {
  std::string xml = "<row>";
  for (const Json& cell : cells) xml += cell_xml(cell);
  return xml + "</row>";
}

constexpr const char* kXml = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
constexpr const char* kPackage = "http://schemas.openxmlformats.org/package/2006";
constexpr const char* kDocument = "http://schemas.openxmlformats.org/officeDocument/2006";
constexpr const char* kMain = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

std::string content_types() {
  constexpr const char* kKind = "application/vnd.openxmlformats-officedocument.spreadsheetml";
  return fmt::format(
      "{0}<Types xmlns=\"{1}/content-types\"><Default Extension=\"rels\" "
      "ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>"
      "<Override PartName=\"/xl/workbook.xml\" ContentType=\"{2}.sheet.main+xml\"/>"
      "<Override PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"{2}.worksheet+xml\"/>"
      "</Types>",
      kXml, kPackage, kKind);
}

/// One part belongs to another.
std::string relationship(const char* kind, const char* target) {
  return fmt::format(
      "{}<Relationships xmlns=\"{}/relationships\"><Relationship Id=\"rId1\" "
      "Type=\"{}/relationships/{}\" Target=\"{}\"/></Relationships>",
      kXml, kPackage, kDocument, kind, target);
}

std::string workbook() {
  return fmt::format(
      "{}<workbook xmlns=\"{}\" xmlns:r=\"{}/relationships\"><sheets>"
      "<sheet name=\"Sheet1\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
      kXml, kMain, kDocument);
}

}  // namespace

void Spreadsheet::add_row(std::vector<Json> cells) {
  OWL3_CHECK(cells.size() == columns_.size());
  for (Json& cell : cells) {
    if (cell.is_string()) cell = cell_of(cell.get<std::string>());
  }
  rows_.push_back(std::move(cells));
}

std::string Spreadsheet::xlsx() const {
  std::string sheet = fmt::format("{}<worksheet xmlns=\"{}\"><sheetData>", kXml, kMain);
  sheet += row_xml({columns_.begin(), columns_.end()});
  for (const auto& row : rows_) sheet += row_xml(row);
  sheet += "</sheetData></worksheet>";
  ZipFile file;
  file.add("[Content_Types].xml", content_types());
  file.add("_rels/.rels", relationship("officeDocument", "xl/workbook.xml"));
  file.add("xl/workbook.xml", workbook());
  file.add("xl/_rels/workbook.xml.rels", relationship("worksheet", "worksheets/sheet1.xml"));
  file.add("xl/worksheets/sheet1.xml", sheet);
  return file.bytes();
}

Json Spreadsheet::content() const {
  Json formulas = Json::array();
  for (const auto& row : rows_) {
    for (const Json& cell : row) {
      if (is_formula(cell)) formulas.push_back(cell);
    }
  }
  Json content = {{"columns", columns_}, {"rows", rows_}};
  if (!formulas.empty()) content["formula_cells"] = std::move(formulas);
  return content;
}

}  // namespace owl3
