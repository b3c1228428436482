#include "hub/fetch.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "core/error.h"
#include "hub/answers.h"
#include "hub/checksum.h"
#include "hub/file_lock.h"
#include "hub/part_file.h"

namespace owl3 {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// A file that is being fetched.
struct Arrival {
  const FetchTarget* target;
  FileLock lock;
  PartFile part;
  std::vector<bool> asked_for;  // by piece
  bool only_whole = false;      // the server ignores ranges
  int connections = 0;
  int attempts = 0;  // in a row without a byte
  int damaged = 0;   // times that it arrived with another checksum
  Clock::time_point next_attempt = Clock::now();
  std::future<std::string> checksum;
  std::atomic<uint64_t> checked_bytes = 0;
  bool done = false;

  Arrival(const FetchTarget* t, FileLock l, PartFile p)
      : target(t), lock(std::move(l)), part(std::move(p)), asked_for(part.pieces()) {
    for (size_t i = 0; i < asked_for.size(); ++i) asked_for[i] = part.is_whole(i);
  }
};

enum class Outcome { kGood, kChanged, kRangesIgnored };

/// One request: pieces `first` to `last` (without it) of a file.
struct Segment {
  Arrival* arrival;
  size_t first;
  size_t last;
  uint64_t position = 0;  // where the next byte goes
  bool begun = false;
  Outcome outcome = Outcome::kGood;
};

uint64_t disk_bytes(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<uint64_t>(status.st_blocks) * 512 : 0;
}

class Fetcher {
 public:
  Fetcher(HttpClient& client, const HubAccess& access, const FetchOptions& options)
      : client_(client), access_(access), options_(options) {}
  ~Fetcher() {
    stopped_ = true;  // before the checksums are waited for
    for (const auto& [id, segment] : segments_) client_.cancel(id);
  }

  uint64_t run(const std::vector<FetchTarget>& targets) {
    open(targets);
    uint64_t missing = 0;
    for (const auto& arrival : arrivals_)
      missing += arrival->part.size() - arrival->part.whole_bytes();
    while (!is_done()) {
      if (!access_.goes_on()) throw Interrupted("interrupted");
      start_segments();
      for (HttpClient::Finished& finished : client_.poll(std::chrono::milliseconds(50)))
        end_segment(finished);
      check_whole_files();
      report();
    }
    return missing;
  }

 private:
  void open(const std::vector<FetchTarget>& targets) {
    std::vector<const FetchTarget*> sorted;  // so that two processes never wait for each other
    for (const FetchTarget& target : targets) sorted.push_back(&target);
    std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->lock < b->lock; });
    std::vector<std::pair<const FetchTarget*, FileLock>> locked;
    for (const FetchTarget* target : sorted) {
      const bool is_twice = !locked.empty() && locked.back().first->final == target->final;
      if (is_twice || (is_fetched(*target) && !options_.verify)) continue;
      FileLock lock = wait_for_lock(*target);
      if (is_fetched(*target) && options_.verify) remove_damaged(*target);
      if (!is_fetched(*target)) locked.emplace_back(target, std::move(lock));
    }
    check_space(locked);
    for (auto& [target, lock] : locked) add(*target, std::move(lock));
    std::sort(arrivals_.begin(), arrivals_.end(),
              [](const auto& a, const auto& b) { return a->part.size() < b->part.size(); });
  }

  /// Whoever has it open keeps what it was.
  void remove_damaged(const FetchTarget& target) const {
    uint64_t done = 0;
    const std::string checksum =
        checksum_of(target.final, target.file.checksum, target.file.size, [&](uint64_t bytes) {
          done += bytes;
          if (options_.progress) options_.progress("verifying", done, target.file.size);
          return access_.goes_on();
        });
    if (checksum.empty()) throw Interrupted("interrupted");
    if (checksum == target.file.checksum) return;
    access_.tell(fmt::format("{}: is damaged here; fetching it again", target.file.path));
    std::error_code error;
    fs::remove(target.final, error);
    if (error) throw InputError(fmt::format("{}: {}", target.final.string(), error.message()));
  }

  FileLock wait_for_lock(const FetchTarget& target) {
    bool told = false;
    while (true) {
      if (auto lock = FileLock::try_lock(target.lock)) return *std::move(lock);
      if (!told) {
        access_.tell(
            fmt::format("another process is fetching {}; waiting for it", target.file.path));
      }
      told = true;
      if (!access_.goes_on()) throw Interrupted("interrupted");
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  void check_space(const std::vector<std::pair<const FetchTarget*, FileLock>>& locked) const {
    uint64_t bytes = 0;
    for (const auto& [target, lock] : locked) {
      const uint64_t there = disk_bytes(target->part) + disk_bytes(target->other_part);
      bytes += target->file.size - std::min(target->file.size, there);
    }
    if (bytes > 0) options_.check_space(locked.front().first->final.parent_path(), bytes);
  }

  void add(const FetchTarget& target, FileLock lock) {
    if (!target.other_part.empty()) {
      PartFile::adopt_prefix(target.other_part, target.part, target.file.size,
                             options_.piece_bytes);
    }
    arrivals_.push_back(std::make_unique<Arrival>(
        &target, std::move(lock), PartFile(target.part, target.file.size, options_.piece_bytes)));
  }

  bool is_done() const {
    return std::all_of(arrivals_.begin(), arrivals_.end(),
                       [](const auto& arrival) { return arrival->done; });
  }

  void start_segments() {
    const auto now = Clock::now();
    for (const auto& arrival : arrivals_) {
      while (segments_.size() < static_cast<size_t>(options_.connections) && now >= pause_until_ &&
             now >= arrival->next_attempt && start_segment(*arrival)) {
      }
    }
  }

  bool start_segment(Arrival& arrival) {
    const auto& asked = arrival.asked_for;
    if (arrival.part.is_whole() || arrival.checksum.valid() || arrival.done) return false;
    size_t first =
        static_cast<size_t>(std::find(asked.begin(), asked.end(), false) - asked.begin());
    if (first == asked.size() || (arrival.only_whole && arrival.connections > 0)) return false;
    size_t last = first;
    const size_t most = pieces_of_request(asked.size());
    while (last < asked.size() && !asked[last] && last - first < most) ++last;
    if (arrival.only_whole) first = 0, last = asked.size();
    begin(arrival, first, last);
    return true;
  }

  /// Of a file of that many pieces: a large one is shared by all connections.
  size_t pieces_of_request(size_t pieces) const {
    if (pieces <= options_.undivided_pieces) return options_.pieces_at_once;
    const auto connections = static_cast<size_t>(options_.connections);
    return std::min((pieces + connections - 1) / connections, options_.pieces_at_once);
  }

  void begin(Arrival& arrival, size_t first, size_t last) {
    const uint64_t from = arrival.part.begin_of(first);
    const uint64_t to = arrival.part.end_of(last - 1);
    const bool is_all = from == 0 && to == arrival.part.size();
    auto segment =
        std::make_unique<Segment>(Segment{&arrival, first, last, from, false, Outcome::kGood});
    HttpRequest request = {
        arrival.target->file.url, access_.token, is_all ? "" : fmt::format("{}-{}", from, to - 1),
        [this, s = segment.get()](const HttpResponse& response, std::span<const std::byte> bytes) {
          return take(*s, response, bytes);
        }};
    for (size_t i = first; i < last; ++i) arrival.asked_for[i] = true;
    ++arrival.connections;
    segments_[client_.start(std::move(request))] = std::move(segment);
  }

  Outcome answer_of(Segment& segment, const HttpResponse& response) const {
    Arrival& arrival = *segment.arrival;
    const uint64_t size = arrival.part.size();
    if (has_another_checksum(response, arrival.target->file.checksum)) return Outcome::kChanged;
    if (response.status == 206) {
      return range_is(response, segment.position, size) ? Outcome::kGood : Outcome::kChanged;
    }
    if (has_another_length(response, size)) return Outcome::kChanged;
    const bool asked_for_all = segment.first == 0 && segment.last == arrival.part.pieces();
    if (asked_for_all) return Outcome::kGood;
    if (arrival.connections > 1) return Outcome::kRangesIgnored;
    // The only one: what comes is as good from the beginning.
    arrival.only_whole = true;
    std::fill(arrival.asked_for.begin(), arrival.asked_for.end(), true);
    segment.first = 0;
    segment.last = arrival.part.pieces();
    segment.position = 0;
    return Outcome::kGood;
  }

  bool take(Segment& segment, const HttpResponse& response, std::span<const std::byte> bytes) {
    Arrival& arrival = *segment.arrival;
    PartFile& part = arrival.part;
    if (!segment.begun) {
      segment.outcome = answer_of(segment, response);
      segment.begun = true;
    }
    const uint64_t end = part.end_of(segment.last - 1);
    if (segment.outcome == Outcome::kGood && bytes.size() > end - segment.position) {
      segment.outcome = Outcome::kChanged;
    }
    if (segment.outcome != Outcome::kGood) return false;
    part.write(segment.position, bytes);
    size_t piece = part.piece_at(segment.position);
    segment.position += bytes.size();
    for (; piece < segment.last && part.end_of(piece) <= segment.position; ++piece) {
      if (!part.is_whole(piece)) arrival.attempts = 0;
      part.set_whole(piece);
    }
    return true;
  }

  void end_segment(HttpClient::Finished& finished) {
    const auto node = segments_.extract(finished.id);
    Segment& segment = *node.mapped();
    Arrival& arrival = *segment.arrival;
    const HttpResponse& response = finished.response;
    --arrival.connections;
    for (size_t i = 0; i < arrival.asked_for.size(); ++i) {
      if (i >= segment.first && i < segment.last) arrival.asked_for[i] = arrival.part.is_whole(i);
    }
    if (segment.outcome == Outcome::kRangesIgnored) {
      arrival.only_whole = true;
      return;
    }
    if (segment.outcome != Outcome::kChanged && is_missing(response)) {
      throw ListedFileMissing(
          fmt::format("{}: the hub lists {} but {} not have it ({})", options_.repository,
                      arrival.target->file.path,
                      response.host == host_of(access_.endpoint) ? "does" : response.host + " does",
                      response.status));
    }
    if (segment.outcome == Outcome::kChanged || has_no_such_range(response)) {
      throw RepositoryChanged(fmt::format("{}: the hub holds another file now ({})",
                                          arrival.target->file.path,
                                          unexpected_text(response, arrival.part.size())));
    }
    const bool is_success =
        response.failure.empty() && (response.status == 200 || response.status == 206);
    const bool is_whole = segment.position == arrival.part.end_of(segment.last - 1);
    if (!is_success || !is_whole) try_again(arrival, response);
  }

  void try_again(Arrival& arrival, const HttpResponse& response) {
    ++arrival.attempts;
    // A signed address that has run out is signed anew by the hub.
    const bool was_signed =
        response.host != host_of(access_.endpoint) &&
        (response.status == 401 || response.status == 403 || response.status == 400);
    const bool broke_off =
        response.failure.empty() && (response.status == 200 || response.status == 206);
    const bool helps = broke_off || was_signed || may_pass(response);
    if (broke_off && arrival.attempts >= access_.attempts) {
      throw InputError(
          fmt::format("{}: {} breaks off again and again; what has arrived is kept: repeat the "
                      "command later",
                      arrival.target->file.path, response.host));
    }
    if (!helps || arrival.attempts >= access_.attempts)
      refuse(response, access_, options_.repository, "");
    const auto pause = pause_before(arrival.attempts, response, access_);
    arrival.next_attempt = Clock::now() + pause;
    if (response.status == 429) pause_until_ = std::max(pause_until_, arrival.next_attempt);
    if (arrival.attempts > 1 || response.status == 429) {
      access_.tell(fmt::format("{}: {}; trying again in {:.0f} s", arrival.target->file.path,
                               broke_off ? "broke off" : problem_of(response),
                               std::max(1.0, std::chrono::duration<double>(pause).count())));
    }
  }

  void check_whole_files() {
    for (const auto& owner : arrivals_) {
      Arrival& arrival = *owner;
      if (arrival.done || !arrival.part.is_whole() || arrival.connections > 0) continue;
      if (!arrival.checksum.valid()) {
        start_checksum(arrival);
      } else if (arrival.checksum.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
        judge(arrival, arrival.checksum.get());
      }
    }
  }

  void start_checksum(Arrival& arrival) {
    arrival.checked_bytes = 0;
    arrival.checksum = std::async(std::launch::async, [this, &arrival] {
      return checksum_of(arrival.target->part, arrival.target->file.checksum, arrival.part.size(),
                         [&](uint64_t bytes) {
                           arrival.checked_bytes += bytes;
                           return !stopped_;
                         });
    });
  }

  void judge(Arrival& arrival, const std::string& checksum) {
    const FetchTarget& target = *arrival.target;
    if (checksum == target.file.checksum) {
      arrival.part.finish(target.final);
      arrival.done = true;
      return;
    }
    const char* kind = checksum.size() == 64 ? "SHA-256" : "SHA-1";
    if (++arrival.damaged > 1) {
      std::error_code error;
      fs::remove(target.part, error);
      throw InputError(
          fmt::format("{}: arrived damaged twice ({} {} instead of {}), and was removed; does "
                      "a proxy change what it passes on?",
                      target.file.path, kind, checksum, target.file.checksum));
    }
    access_.tell(
        fmt::format("{}: what arrived is damaged (its {} is another); fetching it once more",
                    target.file.path, kind));
    arrival.part.clear();
    std::fill(arrival.asked_for.begin(), arrival.asked_for.end(), false);
  }

  void report() const {
    uint64_t total = 0;
    uint64_t arrived = 0;
    uint64_t checked = 0;
    for (const auto& arrival : arrivals_) {
      total += arrival->part.size();
      arrived += arrival->part.whole_bytes();
      checked += arrival->done ? arrival->part.size() : arrival->checked_bytes.load();
    }
    if (!options_.progress || total == 0) return;
    for (const auto& [id, segment] : segments_) {
      const PartFile& part = segment->arrival->part;
      const size_t piece = part.piece_at(segment->position);
      if (piece < part.pieces() && !part.is_whole(piece))
        arrived += segment->position - part.begin_of(piece);
    }
    if (arrived < total) {
      options_.progress("fetching", std::min(arrived, total), total);
    } else {
      options_.progress("checking", checked, total);
    }
  }

  HttpClient& client_;
  const HubAccess& access_;
  const FetchOptions& options_;
  std::atomic<bool> stopped_ = false;
  std::map<HttpClient::Id, std::unique_ptr<Segment>> segments_;
  std::vector<std::unique_ptr<Arrival>> arrivals_;  // destroyed first: wait for their checksums
  Clock::time_point pause_until_ = Clock::now();
};

}  // namespace

bool is_fetched(const FetchTarget& target) {
  std::error_code error;
  const uint64_t size = fs::file_size(target.final, error);
  return !error && size == target.file.size;
}

uint64_t fetch(HttpClient& client, const HubAccess& access, const std::vector<FetchTarget>& targets,
               const FetchOptions& options) {
  return Fetcher(client, access, options).run(targets);
}

}  // namespace owl3
