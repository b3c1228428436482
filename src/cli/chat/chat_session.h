// A conversation with its media, as the command line holds it: encodes, asks, saves, loads.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/conversation_file.h"
#include "cli/chat/chat_options.h"
#include "owl3/owl3.h"
#include "program/interrupt.h"
#include "program/progress_bar.h"

namespace owl3::cli {

/// An answer with what --json and --stats tell about it.
struct AnswerReport {
  Answer answer;
  bool has_logprobs = false;      // they were asked for
  std::vector<Medium> media;      // of this question
  std::vector<LeftOut> left_out;  // what of its folders and images is not among them
};

/// Throws UsageError for a question that is empty or no text.
void check_question(const std::string& question);

class ChatSession {
 public:
  /// Opens the model; encodes nothing. Both references must outlive the session.
  ChatSession(const ChatArguments& arguments, const InterruptGuard& interrupt);

  /// Encodes media and keeps them for the next question: all of them, or none when one is wrong.
  /// A broken image among several is left out, with a warning, unless --strict is given or the
  /// question places its media by marks. What does not fit the question, as far as that is known,
  /// or the model's context is refused before anything is encoded. Returns the media.
  std::vector<Medium> attach(const std::vector<MediumArgument>& arguments,
                             const std::optional<std::string>& question = {});
  /// Attaches what a memory file holds of what is selected: nothing is decoded or encoded, and
  /// nothing of the images read before the question.
  void attach_memory(const SavedMemory& memory, const MemorySelection& which);
  /// What load() finds no file of any more is taken from there, where it was read alike.
  void fall_back_on(const SavedMemory& memory) { fallback_ = memory; }
  /// What is attached to the next question, in order.
  std::vector<Medium> pending() const;
  /// Takes off what was attached last, by one attach(); returns it.
  std::vector<Medium> detach_last();
  /// Takes off one of pending().
  void detach(size_t index);

  /// Asks with the pending media. When it throws, they stay pending and the conversation is as
  /// before.
  AnswerReport ask(const std::string& question, const TextCallback& on_text);

  /// The evidence of the last answer: as it came with the answer, or else by reading that again.
  /// Throws UsageError where there is none.
  const Evidence& why();
  /// The last question with its answer; there is one.
  const SavedTurn& last_turn() const { return conversation_.turns.back(); }
  /// The files of all media of the conversation, in the order they were asked about.
  std::vector<MediumSource> sources() const;
  /// Pixels each way of an image as the model sees it.
  int image_size() const;

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
  /// How the conversation's answers are chosen.
  const GenerationOptions& generation() const { return conversation_.generation; }
  size_t turns() const { return conversation_.turns.size(); }
  /// Totals of all answers so far; the latencies are those of the last.
  const Answer& totals() const { return totals_; }

 private:
  using Sources = std::vector<MediumSource>;
  struct Media {
    Sources sources;
    std::vector<Medium> media;
    std::vector<LeftOut> left_out;
    bool is_whole = true;  // each medium is all that its source is
  };

  Sources sources_of(const std::vector<MediumArgument>& arguments,
                     std::vector<LeftOut>& left_out) const;
  std::vector<MediumPlan> plans_of(const Sources& sources, bool strict);
  void check_room(const Chat& chat, std::vector<PlannedTurn> turns,
                  const std::vector<Sources>& sources, bool strict);
  Media encode(const Sources& sources, bool strict);
  std::map<size_t, Medium> recall_missing(const Sources& sources) const;
  void tell_warning_of(const Medium& medium);
  void leave_out_damage();
  void tell_of_folders();
  ProgressCallback progress();

  const ChatArguments& arguments_;
  const InterruptGuard& interrupt_;
  double load_seconds_ = 0;
  Model model_;
  VisualMemory memory_;
  Chat chat_;
  SavedConversation conversation_;
  std::optional<Evidence> evidence_;  // of the last answer, where it is known
  std::vector<Media> pending_;        // by attach()
  std::optional<SavedMemory> fallback_;
  bool told_of_folders_ = false;
  bool parts_were_asked_ = false;  // of media: what a saved conversation can't say
  Answer totals_;
  ProgressBar bar_;
};

}  // namespace owl3::cli
