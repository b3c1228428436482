// Memory files looked at and changed as such: verified, thinned out, put together.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "api/memory_names.h"
#include "core/api_call.h"
#include "core/error.h"
#include "media/natural_order.h"
#include "memory/memory_file.h"
#include "memory/memory_writer.h"
#include "owl3/saved_memory.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;

/// Puts what memories hold into one.
class Merge {
 public:
  Merge(MemoryWriter& writer, const ProgressCallback& progress, int64_t images)
      : writer_(writer), progress_(progress), total_(images) {
    const std::vector<MediumRecord>& media = writer_.catalogue().media;
    for (size_t i = 0; i < media.size(); ++i) {
      places_.emplace(media[i].absolute, i);
      groups_[group_of(media[i])].insert(files_);
    }
  }

  void add(const MemoryFile& file) {
    ++files_;
    const std::vector<uint32_t> images = copy_images(file);
    for (MediumRecord medium : file.catalogue().media) {
      for (uint32_t& image : medium.images) image = images[image];
      groups_[group_of(medium)].insert(files_);
      const auto [place, is_new] =
          places_.emplace(medium.absolute, writer_.catalogue().media.size());
      if (is_new) {
        writer_.media().push_back(std::move(medium));
      } else {
        writer_.media()[place->second] = std::move(medium);
      }
    }
  }

  /// What several files have of one folder, as shards do, lies as one index would have laid it.
  void put_in_order() {
    std::map<std::string, size_t> first;  // where a group begins
    for (const MediumRecord& medium : writer_.catalogue().media) {
      first.emplace(group_of(medium), first.size());
    }
    std::stable_sort(writer_.media().begin(), writer_.media().end(),
                     [&](const MediumRecord& a, const MediumRecord& b) {
                       const std::string group = group_of(a);
                       const size_t of_a = first.at(group);
                       const size_t of_b = first.at(group_of(b));
                       if (of_a != of_b) return of_a < of_b;
                       return groups_[group].size() > 1 && naturally_before(a.path, b.path);
                     });
  }

 private:
  std::vector<uint32_t> copy_images(const MemoryFile& file) {
    const Catalogue& catalogue = file.catalogue();
    std::vector<uint32_t> images(catalogue.images.size());
    for (uint32_t i = 0; i < images.size(); ++i, ++done_) {
      if (progress_ && !progress_("copying images", done_, total_)) {
        const std::string to = writer_.path().string();
        throw Interrupted(writer_.is_new() ? fmt::format("interrupted; {} was not made", to)
                                           : fmt::format("interrupted; {} is as it was", to));
      }
      if (!file.is_whole(i)) {
        throw InputError(
            fmt::format("{}: is damaged; owl3 memory verify says where, owl3 index encodes that "
                        "anew, and owl3 memory remove takes it out",
                        file.path().string()));
      }
      const std::span<const std::byte> bytes = file.record(i);
      images[i] = writer_.add(catalogue.images[i].pixels, bytes);
      release_mapped(bytes.data(), bytes.size());
    }
    return images;
  }

  /// The folder that was given, or that a file lay in which was given itself.
  static std::string group_of(const MediumRecord& medium) {
    return medium.origin == medium.absolute ? fs::path(medium.absolute).parent_path().string()
                                            : medium.origin;
  }

  MemoryWriter& writer_;
  const ProgressCallback& progress_;
  int64_t total_;
  int64_t done_ = 0;
  int files_ = 0;
  std::map<std::string, size_t> places_;         // by absolute paths
  std::map<std::string, std::set<int>> groups_;  // the files that have something of each
};

}  // namespace

MemoryDamage verify_memory_file(const fs::path& path, const ProgressCallback& progress) {
  ApiCall call;
  return call.run([&] {
    constexpr uint64_t kMegabyte = 1'000'000;
    const ProgressCallback watched = call.watch(progress);
    MemoryVerification found = verify_memory(path, [&](uint64_t done, uint64_t total) {
      if (watched && !watched("verifying MB", static_cast<int64_t>(done / kMegabyte),
                              static_cast<int64_t>(total / kMegabyte))) {
        throw Interrupted("interrupted while verifying");
      }
    });
    return MemoryDamage{found.images, found.damaged_images, std::move(found.damage),
                        std::move(found.notes)};
  });
}

std::vector<std::string> remove_from_memory(const fs::path& path,
                                            const std::vector<std::string>& patterns) {
  return api_call([&] {
    MemoryWriter writer(path);
    std::set<std::string> names;
    for (const std::string& pattern : patterns) {
      const MemoryNames meant(pattern, writer.catalogue());
      bool found = false;
      for (const MediumRecord& medium : writer.catalogue().media) {
        if (!meant.has(medium)) continue;
        names.insert(medium.path);
        found = true;
      }
      if (!found) {
        throw UsageError(
            fmt::format("{}: nothing in it is called {}; owl3 memory list shows what is",
                        path.string(), pattern));
      }
    }
    std::erase_if(writer.media(),
                  [&](const MediumRecord& medium) { return names.contains(medium.path); });
    writer.settle();
    return std::vector<std::string>(names.begin(), names.end());
  });
}

int64_t merge_memories(const std::vector<fs::path>& from, const fs::path& to,
                       const ProgressCallback& progress) {
  ApiCall call;
  return call.run([&] {
    const ProgressCallback watched = call.watch(progress);
    std::vector<std::shared_ptr<const MemoryFile>> files;
    int64_t total = 0;
    for (const fs::path& path : from) {
      files.push_back(MemoryFile::open(path));
      total += static_cast<int64_t>(files.back()->catalogue().images.size());
      const auto difference =
          files.back()->catalogue().stamp.difference(files.front()->catalogue().stamp);
      if (difference) throw InputError(fmt::format("{}: was made {}", path.string(), *difference));
    }
    if (files.empty()) throw UsageError("no memory file is named");
    const Catalogue& first = files.front()->catalogue();
    MemoryWriter writer(to, first.stamp, first.record_bytes);
    try {
      Merge merge(writer, watched, total);
      for (const auto& file : files) merge.add(*file);
      merge.put_in_order();
      writer.settle();
    } catch (...) {
      writer.leave_nothing();
      throw;
    }
    return static_cast<int64_t>(writer.catalogue().media.size());
  });
}

}  // namespace owl3
