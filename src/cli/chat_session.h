// A conversation with its media, as the command line holds it: encodes, asks, saves, loads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/chat_file.h"
#include "cli/chat_options.h"
#include "cli/interrupt.h"
#include "cli/progress_bar.h"
#include "owl3/owl3.h"

namespace owl3::cli {

/// An answer with what --json and --stats tell about it.
struct AnswerReport {
  Answer answer;
  std::vector<Medium> media;  // of this question
};

/// Throws UsageError for a question that is empty or no text.
void check_question(const std::string& question);

class ChatSession {
 public:
  /// Opens the model; encodes nothing. Both references must outlive the session.
  ChatSession(const ChatArguments& arguments, const InterruptGuard& interrupt);

  /// Throws what ask() would of marks that don't fit these media, before anything is encoded.
  void check_marks(const std::string& question, const std::vector<MediumArgument>& media) const;

  /// Encodes media and keeps them for the next question: all of them, or none when one is wrong.
  /// Returns them.
  std::vector<Medium> attach(const std::vector<MediumArgument>& arguments);
  const std::vector<Medium>& pending() const { return pending_.media; }

  /// Asks with the pending media. When it throws, they stay pending and the conversation is as
  /// before.
  AnswerReport ask(const std::string& question, const TextCallback& on_text);

  /// Forgets the conversation and the pending media; what was encoded stays in memory.
  void clear();
  void save(const std::filesystem::path& path) const;
  /// Replaces the conversation by a saved one, its media encoded again; on an error the present one
  /// stays.
  void load(const std::filesystem::path& path);

  const Model& model() const { return model_; }
  const VisualMemory& memory() const { return memory_; }
  const Chat& chat() const { return chat_; }
  double load_seconds() const { return load_seconds_; }
  size_t turns() const { return conversation_.turns.size(); }
  /// Totals of all answers so far; the latencies are those of the last.
  const Answer& totals() const { return totals_; }

 private:
  struct Media {
    std::vector<MediumSource> sources;
    std::vector<Medium> media;
  };

  std::vector<MediumSource> sources_of(const std::vector<MediumArgument>& arguments) const;
  std::vector<Medium> encode(const std::vector<MediumSource>& sources);
  void tell_warning_of(const Medium& medium);
  ProgressCallback progress();

  const ChatArguments& arguments_;
  const InterruptGuard& interrupt_;
  double load_seconds_ = 0;
  Model model_;
  VisualMemory memory_;
  Chat chat_;
  Conversation conversation_;
  Media pending_;
  Answer totals_;
  ProgressBar bar_;
};

}  // namespace owl3::cli
