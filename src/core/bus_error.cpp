#include "core/bus_error.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>

namespace owl3 {

/// An entry of a list that a signal handler may walk at any moment, in any thread. Slots are made
/// once and used again, never freed.
struct SignalSlot {
  std::atomic<bool> in_use{true};
  // An entry counts while path is set; of a range, while begin < end.
  std::atomic<uintptr_t> begin{0};
  std::atomic<uintptr_t> end{0};
  std::atomic<const char*> path{nullptr};
  SignalSlot* next = nullptr;
};

namespace {

static_assert(std::atomic<uintptr_t>::is_always_lock_free &&
                  std::atomic<const char*>::is_always_lock_free &&
                  std::atomic<SignalSlot*>::is_always_lock_free,
              "signal handlers must not take locks");

// A signal handler can reach nothing but globals.
using SlotList = std::atomic<SignalSlot*>;
SlotList g_mapped{nullptr};
SlotList g_temporaries{nullptr};
struct sigaction g_old_action {};

SignalSlot* take_slot(SlotList& list) {
  for (SignalSlot* slot = list.load(); slot != nullptr; slot = slot->next) {
    if (!slot->in_use.load() && !slot->in_use.exchange(true)) return slot;
  }
  auto* slot = new SignalSlot;
  slot->next = list.load();
  while (!list.compare_exchange_weak(slot->next, slot)) {
  }
  return slot;
}

void give_back(SignalSlot* slot) {
  slot->end = 0;
  slot->path = nullptr;
  slot->in_use = false;
}

const char* file_at(uintptr_t address) {
  for (const SignalSlot* slot = g_mapped.load(); slot != nullptr; slot = slot->next) {
    // In the reverse order of their making: who sees the end sees the rest.
    const uintptr_t end = slot->end;
    if (address < end && address >= slot->begin) return slot->path;
  }
  return nullptr;
}

void write_text(const char* text, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(STDERR_FILENO, text, size);
    if (written <= 0) return;
    text += written;
    size -= static_cast<size_t>(written);
  }
}
void write_text(const char* text) {
  write_text(text, std::strlen(text));
}

/// Without control characters, which a file's name may hold.
void write_name(const char* name) {
  for (; *name != '\0'; ++name) {
    const bool control = static_cast<unsigned char>(*name) < 0x20 || *name == 0x7f;
    write_text(control ? "?" : name, 1);
  }
}

void on_bus_error(int, siginfo_t* info, void*) {
  const char* path = file_at(reinterpret_cast<uintptr_t>(info->si_addr));
  if (path == nullptr) {  // not ours: it comes again, and finds the old handler
    ::sigaction(SIGBUS, &g_old_action, nullptr);
    if (info->si_code <= 0) ::raise(SIGBUS);  // sent by somebody, it would not
    return;
  }
  for (const SignalSlot* slot = g_temporaries.load(); slot != nullptr; slot = slot->next) {
    if (const char* temporary = slot->path) ::unlink(temporary);
  }
  if (::isatty(STDERR_FILENO) != 0) write_text("\r\033[K");  // a progress bar may stand there
  write_text("owl3: ");
  write_name(path);
  write_text(": cut short while in use, or its disk fails; start again when the file is whole\n");
  ::_exit(1);
}

}  // namespace

void end_with_message_on_bus_errors() {
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, &g_old_action);
}

MappedRange::MappedRange(const void* data, size_t size, const char* path)
    : slot_(take_slot(g_mapped)) {
  slot_->path = path;
  slot_->begin = reinterpret_cast<uintptr_t>(data);
  slot_->end = reinterpret_cast<uintptr_t>(data) + size;
}

MappedRange::~MappedRange() {
  give_back(slot_);
}

TemporaryPath::TemporaryPath(const char* path) : slot_(take_slot(g_temporaries)) {
  slot_->path = path;
}

TemporaryPath::~TemporaryPath() {
  give_back(slot_);
}

}  // namespace owl3
