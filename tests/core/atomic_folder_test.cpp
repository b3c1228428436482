// Folders that appear whole or not at all, whenever the process that writes them is killed.
#include "core/atomic_folder.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <functional>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/scratch_folder.h"

namespace owl3 {
namespace {

namespace fs = std::filesystem;

/// Where waiting for a disk costs nothing, if there is such a place.
fs::path in_memory() {
  const fs::path memory = "/dev/shm";
  return ::access(memory.c_str(), W_OK) == 0 ? memory : fs::temp_directory_path();
}

/// Fills a folder with files that all hold `text`.
void write_folder(const fs::path& path, const std::string& text) {
  AtomicFolder folder(path);
  fs::create_directory(folder.temporary() / "inner");
  for (const char* name : {"one", "two", "inner/three"}) {
    AtomicFile file(folder.temporary() / name);
    file.write(text);
    file.commit();
  }
  folder.commit();
}

/// What all files of the folder hold; "" when there is no folder, "?" when it is not whole.
std::string content_of(const fs::path& path) {
  if (!fs::exists(path)) return "";
  const std::string text = read_text(path / "one");
  const bool whole = !text.empty() && read_text(path / "two") == text &&
                     read_text(path / "inner" / "three") == text;
  return whole ? text : "?";
}

/// As on a file system without RENAME_EXCHANGE, from here to the end of this process.
void take_exchange_away() {
  std::array<sock_filter, 4> program = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter = {program.size(), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    ::_exit(9);
  }
}

/// Runs `work` in a process of its own that is killed before its n-th system call; -> whether it
/// was. Leaves with 0 otherwise.
bool killed_at_call(int n, const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(8);
    ::raise(SIGSTOP);
    try {
      work();
    } catch (...) {
      ::_exit(7);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  // Each call stops the process twice, before and after.
  for (int stops = 0; WIFSTOPPED(status); ++stops) {
    if (stops == 2 * n - 1) ::kill(child, SIGKILL);
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    ::waitpid(child, &status, 0);
  }
  EXPECT_TRUE(!WIFEXITED(status) || WEXITSTATUS(status) == 0) << WEXITSTATUS(status);
  return WIFSIGNALED(status);
}

/// Containers may forbid one process to stop another, or to filter its own calls.
bool may_trace() {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(1);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// A sanitizer's own calls are not the same from run to run, so that a kill may pass over an
/// instant that is one call long.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kEveryInstantIsMet = false;
#else
constexpr bool kEveryInstantIsMet = true;
#endif

class AtomicFolderKilled : public testing::TestWithParam<bool> {};

INSTANTIATE_TEST_SUITE_P(AtEveryCall, AtomicFolderKilled, testing::Values(true, false),
                         [](const auto& exchange) {
                           return exchange.param ? "WithExchange" : "WithoutExchange";
                         });

TEST_P(AtomicFolderKilled, LeavesTheOldFolderOrTheNewAndNothingElseAfterTheNextWriting) {
  if (!may_trace()) GTEST_SKIP() << "no process may be traced here";
  const bool exchange = GetParam();
  int killed = 0;
  std::array<int, 3> found{};  // none, old, new
  for (int n = 1;; ++n) {
    const ScratchFolder scratch(in_memory());
    const fs::path path = scratch / "folder";
    write_folder(path, "old");
    if (!killed_at_call(n, [&] {
          if (!exchange) take_exchange_away();
          write_folder(path, "new");
        })) {
      break;
    }
    ++killed;
    // Without exchange there is an instant with nothing in the place; the next writer puts back
    // what was there, whether or not it comes to an end itself.
    const std::string left = content_of(path);
    ASSERT_TRUE(left == "old" || left == "new" || (!exchange && left.empty())) << n << left;
    ++found[left.empty() ? 0 : left == "old" ? 1 : 2];
    { const AtomicFolder given_up(path); }
    ASSERT_EQ(content_of(path), left.empty() ? "old" : left) << n;
    ASSERT_EQ(scratch.file_count(), 1U) << n << ": something was left behind";
    write_folder(path, "newer");
    ASSERT_EQ(content_of(path), "newer") << n;
  }
  EXPECT_GT(killed, 50);
  EXPECT_GT(found[1], 20);
  EXPECT_GT(found[2], 2);
  if (exchange) {
    EXPECT_EQ(found[0], 0);
  } else if (kEveryInstantIsMet) {
    EXPECT_GT(found[0], 0);
  }
}

TEST(AtomicFolder, KilledBeforeThereWasAnyLeavesNoneOrAWholeOne) {
  if (!may_trace()) GTEST_SKIP() << "no process may be traced here";
  for (int n = 1;; ++n) {
    const ScratchFolder scratch(in_memory());
    const fs::path path = scratch / "folder";
    const bool killed = killed_at_call(n, [&] { write_folder(path, "new"); });
    const std::string left = content_of(path);
    ASSERT_TRUE(left.empty() || left == "new") << n << left;
    write_folder(path, "newer");
    ASSERT_EQ(content_of(path), "newer");
    ASSERT_EQ(scratch.file_count(), 1U) << n << ": something was left behind";
    if (!killed) break;
  }
}

TEST(AtomicFile, KilledAtAnyCallLeavesTheOldFileOrTheNew) {
  if (!may_trace()) GTEST_SKIP() << "no process may be traced here";
  const auto write = [](const fs::path& path, std::string_view text) {
    AtomicFile file(path);
    file.write(text);
    file.commit();
  };
  for (int n = 1;; ++n) {
    const ScratchFolder scratch(in_memory());
    const fs::path path = scratch.write("a", "old");
    const bool killed = killed_at_call(n, [&] { write(path, "new"); });
    const std::string left = read_text(path);
    ASSERT_TRUE(left == "old" || left == "new") << n << left;
    write(path, "newer");
    ASSERT_EQ(read_text(path), "newer");
    ASSERT_EQ(scratch.file_count(), 1U) << n << ": something was left behind";
    if (!killed) break;
  }
}

TEST(AtomicFolder, PublishesNothingOfAProcessThatHadTheSameNumber) {
  const ScratchFolder scratch;
  const fs::path path = scratch / "folder";
  fs::path as_it_was_named = path;
  as_it_was_named += ".part-" + std::to_string(::getpid());
  fs::create_directory(as_it_was_named);
  std::ofstream(as_it_was_named / "stale") << "of another container";
  write_folder(path, "new");
  EXPECT_FALSE(fs::exists(path / "stale"));
  EXPECT_EQ(content_of(path), "new");
}

TEST(AtomicFolder, OfTwoAtOnceEachIsWhole) {
  const ScratchFolder scratch;
  const fs::path path = scratch / "folder";
  AtomicFolder first(path);
  std::ofstream(first.temporary() / "of the first") << "x";
  {
    AtomicFolder second(path);
    EXPECT_NE(first.temporary(), second.temporary());
    std::ofstream(second.temporary() / "of the second") << "x";
    second.commit();
  }
  EXPECT_TRUE(fs::exists(path / "of the second"));
  EXPECT_TRUE(fs::exists(first.temporary() / "of the first")) << "another's work was taken away";
  first.commit();
  EXPECT_TRUE(fs::exists(path / "of the first"));
  EXPECT_FALSE(fs::exists(path / "of the second"));
  EXPECT_EQ(scratch.file_count(), 1U);
}

TEST(AtomicFolder, AFailingRenameLosesNothing) {
  const ScratchFolder scratch;
  const fs::path path = scratch.write("folder", "a file that is in the way");
  {
    AtomicFolder folder(path);
    std::ofstream(folder.temporary() / "one") << "x";
    EXPECT_NE(message_of<InputError>([&] { folder.commit(); }).find("cannot be written"),
              std::string::npos);
    EXPECT_TRUE(fs::exists(folder.temporary() / "one"));
  }
  EXPECT_EQ(read_text(path), "a file that is in the way");
  EXPECT_EQ(scratch.file_count(), 1U);
}

TEST(AtomicFolder, ReplacesWhatALinkNamesAndKeepsTheLink) {
  const ScratchFolder scratch;
  write_folder(scratch / "elsewhere", "old");
  fs::create_directory_symlink("elsewhere", scratch / "folder");
  write_folder(scratch / "folder", "new");
  EXPECT_TRUE(fs::is_symlink(scratch / "folder"));
  EXPECT_EQ(content_of(scratch / "elsewhere"), "new");
}

TEST(AtomicFolder, TakesTheFoldersAboveItAwayWhenItIsGivenUp) {
  const ScratchFolder scratch;
  { const AtomicFolder folder(scratch / "a/b/c"); }
  EXPECT_EQ(scratch.file_count(), 0U);
  write_folder(scratch / "a/b/c", "new");
  EXPECT_EQ(content_of(scratch / "a/b/c"), "new");
}

TEST(AtomicFile, MayHaveAsLongANameAsThereIs) {
  const ScratchFolder scratch;
  const std::string name(255, 'n');
  AtomicFile file(scratch / name);
  file.write("x");
  file.commit();
  EXPECT_EQ(read_text(scratch / name), "x");
  EXPECT_EQ(scratch.file_count(), 1U);
}

}  // namespace
}  // namespace owl3
