// A fetch that ends before its time, and two at once.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "hub/hub_fixture.h"

namespace owl3::test {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class Interruption : public Hub {
 protected:
  Interruption() {
    options_.progress = [this](std::string_view, uint64_t done, uint64_t) { done_ = done; };
  }

  /// Runs a pull in another process, which is killed.
  void pull_until_killed(std::chrono::microseconds delay) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        pull_model();
      } catch (...) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    std::this_thread::sleep_for(delay);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }

  std::atomic<uint64_t> done_ = 0;
};

}  // namespace

TEST_F(Interruption, ByTheUserKeepsWhatArrived) {
  server_->set_faults({{"bytesPerSecond", 100000}});
  std::jthread stops([&] {
    while (done_ < 60000) std::this_thread::sleep_for(5ms);
    goes_on_ = false;
  });
  EXPECT_THROW(pull_model(), Interrupted);
  EXPECT_THROW(find_model("owl3-2b"), ModelNotFetched);
  goes_on_ = true;
  server_->set_faults({});
  room_asked_for_ = 0;
  const PulledModel pulled = pull_model();
  EXPECT_LT(pulled.fetched_bytes, pulled.bytes - 20000);
  expect_whole(pulled.path);
}

TEST_F(Interruption, ByKillAtAnyMomentLeavesNothingBroken) {
  server_->set_faults({{"bytesPerSecond", 2000000}});
  bool was_whole = false;
  for (int i = 0; i < 40; ++i) {
    pull_until_killed(2ms + i * 4ms);
    try {  // what is found is whole
      expect_whole(find_model("owl3-2b"));
      was_whole = true;
    } catch (const ModelNotFetched&) {
    }
    for (const auto& blob :
         fs::directory_iterator(fs::exists(blobs()) ? blobs() : folder_.path())) {
      const std::string name = blob.path().filename();
      if (!is_checksum(name)) continue;
      EXPECT_EQ(checksum_of(blob.path(), name, blob.file_size(), [](uint64_t) { return true; }),
                name);
    }
    if (was_whole) fs::remove_all(cache_folder());
    was_whole = false;
  }
  server_->set_faults({});
  expect_whole(pull_model().path);
}

TEST_F(Interruption, ByAFullDiskKeepsWhatArrived) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {150000, 150000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string failure = failure_of("owl3-2b");
    ::_exit(failure.find("make room") == failure.npos ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  expect_whole(pull_model().path);
}

TEST_F(Interruption, IsNoneWhereTwoFetchTheSame) {
  server_->set_faults({{"bytesPerSecond", 400000}});
  PulledModel first;
  {
    std::jthread other([&] { first = pull_model(); });
    std::this_thread::sleep_for(150ms);
    const PulledModel second = pull_model();
    EXPECT_EQ(second.fetched_bytes, 0u);
    expect_whole(second.path);
  }
  EXPECT_EQ(first.fetched_bytes, first.bytes);
  EXPECT_NE(told_.find("another process is fetching"), std::string::npos);
}

TEST_F(Interruption, OfOtherToolsIsGoneOnWith) {
  const PulledModel pulled = pull_model();
  const fs::path blob = fs::canonical(pulled.path / "model-00001-of-00002.safetensors");
  fs::rename(blob, blob.string() + ".incomplete");
  fs::resize_file(blob.string() + ".incomplete", 200000);
  server_->set_faults({});
  EXPECT_THROW(find_model("owl3-2b"), ModelNotFetched);
  EXPECT_LT(pull_model().fetched_bytes, 110000u);
  expect_whole(pulled.path);
}

}  // namespace owl3::test
