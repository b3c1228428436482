#include "memory/memory_state.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "core/error.h"

namespace owl3 {

namespace {

using Headers = std::array<HeaderPage, 2>;

Headers read_headers(int descriptor, const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_at(descriptor, 0, kFirstFreeByte, path);
  const size_t first = std::min<size_t>(bytes.size(), kPageBytes);
  return {parse_header(std::span(bytes).first(first), 0),
          parse_header(std::span(bytes).subspan(first), 1)};
}

bool has_state(const Headers& headers, HeaderState state) {
  return headers[0].state == state || headers[1].state == state;
}

constexpr const char* kBeyondUse =
    "nothing of it can be read: remove it, and owl3 index makes it anew";

[[noreturn]] void refuse(const Headers& headers, const std::filesystem::path& path, uint64_t size) {
  for (const HeaderPage& page : headers) {
    if (page.state != HeaderState::kOtherVersion) continue;
    throw InputError(fmt::format("{}: is of version {} of the format; this owl3 reads version {}",
                                 path.string(), page.version, kMemoryFileVersion));
  }
  if (has_state(headers, HeaderState::kDamaged)) {
    throw InputError(fmt::format("{}: both its headers are damaged{}; {}", path.string(),
                                 size < kFirstFreeByte ? " or cut off" : "", kBeyondUse));
  }
  throw InputError(
      fmt::format("{}: is no visual memory that owl3 index has written", path.string()));
}

/// What is written to where a catalogue was must be no image.
void check_apart(const Catalogue& catalogue, const MemoryHeader& header) {
  for (const ImageRecord& image : catalogue.images) {
    for (const uint64_t offset : header.catalogue_offsets) {
      if (image.offset < offset + header.catalogue_bytes &&
          offset < image.offset + catalogue.record_bytes) {
        throw InputError("an image where the catalogue is");
      }
    }
  }
}

/// The catalogue of a header, from whichever copy is whole; nothing, and what is wrong in `damage`,
/// where none is.
std::optional<Catalogue> read_catalogue(int descriptor, const std::filesystem::path& path,
                                        const MemoryHeader& header,
                                        std::vector<std::string>& damage) {
  for (const uint64_t offset : header.catalogue_offsets) {
    const std::vector<std::byte> bytes =
        offset > size_of_file(descriptor, path)
            ? std::vector<std::byte>()
            : read_at(descriptor, offset, header.catalogue_bytes, path);
    if (bytes.size() < header.catalogue_bytes) {
      damage.push_back(fmt::format("a copy of its catalogue, at byte {}, is cut off", offset));
    } else if (checksum_of(bytes) != header.catalogue) {
      damage.push_back(fmt::format("a copy of its catalogue, at byte {}, is damaged", offset));
    } else {
      try {
        Catalogue catalogue = parse_catalogue(bytes, header.file_bytes);
        check_apart(catalogue, header);
        return catalogue;
      } catch (const InputError& error) {
        damage.push_back(fmt::format("its catalogue can't be: {}", error.what()));
        return std::nullopt;  // nor can the other
      }
    }
  }
  return std::nullopt;
}

/// The younger one first.
std::vector<MemoryHeader> whole_headers(const Headers& headers) {
  std::vector<MemoryHeader> whole;
  for (const HeaderPage& page : headers) {
    if (page.state == HeaderState::kWhole) whole.push_back(page.header);
  }
  std::sort(whole.begin(), whole.end(), [](const MemoryHeader& a, const MemoryHeader& b) {
    return a.generation > b.generation;
  });
  return whole;
}

std::optional<MemoryState> try_to_read(int descriptor, const std::filesystem::path& path,
                                       std::vector<std::string>& damage) {
  const Headers headers = read_headers(descriptor, path);
  const std::vector<MemoryHeader> whole = whole_headers(headers);
  if (whole.empty()) refuse(headers, path, size_of_file(descriptor, path));
  if (whole.size() == 1 && !has_state(headers, HeaderState::kBlank)) {
    damage.push_back(
        "one of its two headers is damaged, or a change was cut off; the other is used");
  }
  for (size_t i = 0; i < whole.size(); ++i) {
    std::optional<Catalogue> catalogue = read_catalogue(descriptor, path, whole[i], damage);
    if (!catalogue) continue;
    MemoryState state;
    state.header = whole[i];
    if (whole.size() == 2) state.older = whole[1 - i];
    state.catalogue = *std::move(catalogue);
    if (i > 0) damage.push_back("what it held before the last change is used");
    return state;
  }
  return std::nullopt;
}

}  // namespace

uint64_t size_of_file(int descriptor, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) {
    throw InputError(fmt::format("{}: {}", path.string(), errno_text(errno)));
  }
  return static_cast<uint64_t>(status.st_size);
}

std::vector<std::byte> read_at(int descriptor, uint64_t offset, uint64_t bytes,
                               const std::filesystem::path& path) {
  // What is claimed takes no more memory than is there.
  const uint64_t size = size_of_file(descriptor, path);
  std::vector<std::byte> data(std::min(bytes, size > offset ? size - offset : 0));
  size_t done = 0;
  while (done < data.size()) {
    const ssize_t count = ::pread(descriptor, data.data() + done, data.size() - done,
                                  static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw InputError(fmt::format("{}: {}", path.string(), errno_text(errno)));
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  data.resize(done);
  return data;
}

MemoryState read_memory_state(int descriptor, const std::filesystem::path& path) {
  // A header or catalogue may be written in this very moment.
  constexpr int kAttempts = 4;
  for (int attempt = 1;; ++attempt) {
    std::vector<std::string> damage;
    std::optional<MemoryState> state;
    try {
      state = try_to_read(descriptor, path, damage);
    } catch (const InputError&) {
      if (attempt == kAttempts) throw;
    }
    if (state && (damage.empty() || attempt == kAttempts)) {
      state->size = size_of_file(descriptor, path);
      state->damage = std::move(damage);
      return *std::move(state);
    }
    if (attempt == kAttempts)
      throw InputError(fmt::format("{}: {}; {}", path.string(), damage.back(),  // tried last
                                   kBeyondUse));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace owl3
