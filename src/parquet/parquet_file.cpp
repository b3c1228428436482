#include "parquet/parquet_file.h"

#include "core/error.h"
#include "parquet/value_json.h"

namespace owl3::parquet {

namespace {

using Json = nlohmann::ordered_json;

/// Values of a row with those around them: more would be an attack, as a run of missing values
/// takes no room in a file.
constexpr int64_t kMostValuesInRow = int64_t{1} << 18;

[[noreturn]] void disagree() {
  throw InputError("is damaged: the parts of a value do not fit each other");
}

}  // namespace

std::shared_ptr<const ParquetFile> ParquetFile::open(const std::filesystem::path& path) {
  std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  const auto bytes = file->bytes();
  return std::shared_ptr<const ParquetFile>(new ParquetFile(bytes, path.string(), std::move(file)));
}

std::shared_ptr<const ParquetFile> ParquetFile::parse(std::span<const std::byte> bytes,
                                                      const std::string& name) {
  return std::shared_ptr<const ParquetFile>(new ParquetFile(bytes, name, nullptr));
}

ParquetFile::ParquetFile(std::span<const std::byte> bytes, std::string name,
                         std::shared_ptr<const MappedFile> mapped)
    : bytes_(bytes), name_(std::move(name)), mapped_(std::move(mapped)) {
  try {
    footer_ = read_footer(bytes_);
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}", name_, error.what()));
  }
}

std::vector<std::string> ParquetFile::columns() const {
  std::vector<std::string> names;
  for (const Field& field : footer_.schema.fields) names.push_back(field.name);
  return names;
}

const Field* ParquetFile::find(const std::string& column) const {
  for (const Field& field : footer_.schema.fields) {
    if (field.name == column) return &field;
  }
  return nullptr;
}

FieldReader ParquetFile::reader(const std::string& column) const {
  const Field* field = find(column);
  if (field != nullptr) return {shared_from_this(), *field};
  throw InputError(fmt::format("{}: has no column \"{}\" (its columns are {})", name_, column,
                               fmt::join(columns(), ", ")));
}

FieldReader::FieldReader(std::shared_ptr<const ParquetFile> file, const Field& field)
    : file_(std::move(file)), field_(field) {}

Json FieldReader::at(int64_t row) {
  OWL3_CHECK(row >= 0 && row < file_->rows());
  try {
    go_to(row);
    values_in_row_ = 0;
    Json result = value(field_);
    check_row_end();
    ++next_row_;
    return result;
  } catch (const InputError& error) {
    leave_group();  // what was read of it leads nowhere
    throw InputError(fmt::format("{}: row {}: column \"{}\" {}", file_->name(), row + 1,
                                 field_.name, error.what()));
  }
}

void FieldReader::go_to(int64_t row) {
  const auto& groups = file_->footer_.groups;
  if (!group_ || row < next_row_ || row >= group_begin_ + groups[*group_].rows) {
    size_t group = 0;
    int64_t begin = 0;
    while (row >= begin + groups[group].rows) begin += groups[group++].rows;
    open_group(group, begin);
  }
  for (ColumnReader& leaf : leaves_) leaf.skip_rows(row - next_row_);
  next_row_ = row;
}

void FieldReader::open_group(size_t group, int64_t first_row) {
  leave_group();
  const Footer& footer = file_->footer_;
  leaves_.reserve(field_.end_leaf - field_.first_leaf);
  for (size_t i = field_.first_leaf; i < field_.end_leaf; ++i) {
    const ColumnChunk& chunk = footer.groups[group].columns[i];
    leaves_.emplace_back(footer.schema.leaves[i], chunk,
                         file_->bytes_.subspan(chunk.offset, chunk.size));
  }
  group_ = group;
  group_begin_ = next_row_ = first_row;
}

/// Lets go of what was read: of a large file, memory would be filled with what is not needed again.
void FieldReader::leave_group() {
  leaves_.clear();
  if (!group_) return;
  for (size_t i = field_.first_leaf; i < field_.end_leaf && file_->mapped_ != nullptr; ++i) {
    const ColumnChunk& chunk = file_->footer_.groups[*group_].columns[i];
    release_mapped(file_->bytes_.data() + chunk.offset, chunk.size);
  }
  group_.reset();
}

/// A value whose parents are there. All leaves in it have at least one entry for it.
Json FieldReader::value(const Field& field) {
  count_value();
  if (field.repetition == Repetition::kRepeated) return list(field, false);
  if (field.repetition == Repetition::kOptional &&
      leaf(field.first_leaf).definition() < field.definition) {
    pass_missing(field);
    return nullptr;
  }
  return content(field);
}

/// What is in a field that is there.
Json FieldReader::content(const Field& field) {
  if (field.is_leaf()) {
    ColumnReader& column = leaf(field.first_leaf);
    if (column.definition() != field.definition) disagree();
    return json_of(field.type, column.take());
  }
  if (field.is_list) return list(field.children[0], field.unwraps_element);
  Json object = Json::object();
  for (const Field& child : field.children) object[child.name] = value(child);
  return object;
}

Json FieldReader::list(const Field& field, bool unwraps_element) {
  Json values = Json::array();
  ColumnReader& first = leaf(field.first_leaf);
  if (first.definition() < field.definition) {
    pass_missing(field);
    return values;
  }
  do {
    count_value();
    values.push_back(unwraps_element ? value(field.children[0]) : content(field));
  } while (!first.at_end() && first.repetition() == field.repetition_level);
  return values;
}

/// The one entry that each leaf has for a field that is missing.
void FieldReader::pass_missing(const Field& field) {
  for (size_t i = field.first_leaf; i < field.end_leaf; ++i) {
    if (leaf(i).definition() >= field.definition) disagree();
    leaf(i).take();
  }
}

void FieldReader::count_value() {
  if (++values_in_row_ > kMostValuesInRow) {
    throw InputError(fmt::format("has a row of more than {} values", kMostValuesInRow));
  }
}

void FieldReader::check_row_end() {
  const std::vector<Leaf>& leaves = file_->footer_.schema.leaves;
  for (size_t i = field_.first_leaf; i < field_.end_leaf; ++i) {
    if (leaves[i].repetition_level == 0) continue;  // an entry is a row
    if (!leaf(i).at_end() && leaf(i).repetition() != 0) disagree();
  }
}

}  // namespace owl3::parquet
