#include "training_data/sample_files.h"

#include "core/error.h"
#include "training_data/content_sum.h"
#include "training_data/media_reader.h"

namespace owl3 {
namespace {

std::vector<RowFile> open_files(const std::vector<DataSource>& sources) {
  std::vector<RowFile> files;
  for (const DataSource& source : sources) files.push_back(RowFile::open(source.path));
  return files;
}

SampleOrder order_of(const std::vector<DataSource>& sources, const std::vector<RowFile>& files,
                     const OrderOptions& options) {
  std::vector<SampleOrder::Source> sizes;
  for (size_t i = 0; i < sources.size(); ++i) sizes.push_back({files[i].size(), sources[i].weight});
  return SampleOrder(sizes, options.shuffle, options.seed);
}

}  // namespace

SampleFiles::SampleFiles(std::vector<DataSource> sources, const OrderOptions& order,
                         const SampleOptions& options)
    : sources_(std::move(sources)),
      files_(open_files(sources_)),
      order_options_(order),
      sample_options_(options),
      order_(order_of(sources_, files_, order)) {
  if (order.epochs < 0) throw UsageError(fmt::format("{} epochs can't be", order.epochs));
  for (DataSource& source : sources_) {
    unchanged_.emplace_back(source.path);
    if (source.media_root.empty()) source.media_root = source.path.parent_path();
  }
}

std::optional<int64_t> SampleFiles::size() const {
  if (order_options_.epochs == 0) return std::nullopt;
  return order_options_.epochs * samples_per_epoch();
}

Sample SampleFiles::read(int64_t number) const {
  const SampleAddress address = order_.address(number);
  const auto source = static_cast<size_t>(address.source);
  const RowFile& file = files_[source];
  unchanged_[source].check();
  const std::string name = file.where(address.line);
  Sample sample = parse_sample(file.row(address.line), name, sample_options_);
  for (SampleMedium& medium : sample.media) {
    try {
      medium.reference = resolve_medium(medium.reference, sources_[source].media_root);
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}: {}", name, medium.place, error.what()));
    }
  }
  return sample;
}

std::string SampleFiles::where(int64_t number) const {
  const SampleAddress address = order_.address(number);
  return files_[static_cast<size_t>(address.source)].where(address.line);
}

nlohmann::json SampleFiles::description() const {
  std::call_once(summed_, [this] {
    for (const RowFile& file : files_)
      content_sums_.push_back(content_sum_of_mapped(file.content()));
  });
  nlohmann::json sources = nlohmann::json::array();
  for (size_t i = 0; i < files_.size(); ++i) {
    sources.push_back({{"path", sources_[i].path.string()},
                       {"rows", files_[i].size()},
                       {"bytes", files_[i].bytes()},
                       {"content", content_sums_[i]},
                       {"weight", sources_[i].weight}});
  }
  return {{"sources", std::move(sources)},
          {"seed", order_options_.seed},
          {"shuffle", order_options_.shuffle}};
}

}  // namespace owl3
