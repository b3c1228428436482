#include "cli/models/fetching.h"

#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "builtin/open_model.h"
#include "core/byte_text.h"
#include "core/error.h"
#include "hub/answers.h"
#include "hub/environment.h"
#include "hub/find_model.h"
#include "program/disk_space.h"
#include "program/interrupt.h"
#include "program/progress_bar.h"
#include "program/terminal.h"

namespace owl3::cli {

namespace {

/// What a person answers to a question that Enter says yes to.
bool says_yes(const std::string& question) {
  tell(question);
  std::string answer;
  for (int c = std::getchar(); c != '\n'; c = std::getchar()) {
    if (c == EOF) return false;
    answer += static_cast<char>(c);
  }
  return answer.empty() || answer == "y" || answer == "Y" || answer == "yes" || answer == "Yes";
}

}  // namespace

HubSource source_of(const ModelName& name, const std::string& source) {
  const bool is_modelscope =
      source.empty() ? name.repository.starts_with("iic/") : source == "modelscope";
  return is_modelscope ? HubSource::kModelScope : HubSource::kHuggingFace;
}

PulledModel fetch_model(const PullRequest& request, HubAccess access, FetchOptions options,
                        const std::string& command) {
  const InterruptGuard interrupt;
  ProgressBar bar;
  access.http.user_agent = "owl3/" OWL3_VERSION;
  access.goes_on = [&] { return !interrupt.interrupted(); };
  access.tell = [&](const std::string& text) {
    bar.erase();
    tell(fmt::format("owl3: {}\n", one_line(text)));
  };
  options.check_space = check_free_space;
  if (!hub_progress_is_disabled()) {
    options.progress = [&](std::string_view stage, uint64_t done, uint64_t total) {
      bar.update(fmt::format("{} MB", stage), static_cast<int64_t>(done / 1000000),
                 static_cast<int64_t>(total / 1000000));
    };
  }
  try {
    return pull(request, access, HubCache(), options);
  } catch (const Interrupted&) {
    bar.erase();
    tell(fmt::format("owl3: what has arrived is kept; this goes on with it: {}\n", command));
    throw;
  }
}

void offer_to_fetch(const std::string& model) {
  if (names_builtin_model(model)) return;
  try {
    find_existing_model(model);
  } catch (const ModelNotFetched& missing) {
    const ModelName& name = missing.name();
    const bool can_ask = is_terminal(STDIN_FILENO) && is_terminal(STDERR_FILENO);
    const bool is_conversion = !name.type.empty() && name.type != "original";
    // Any other name may be a mistyped path, which is nobody's business.
    if (!can_ask || !name.known || is_conversion || hub_is_offline()) throw;
    const PullRequest request = {name, "", ""};
    const HubAccess access = HubAccess::of(source_of(name, ""));
    const PullPlan plan = plan_pull(request, access, HubCache());
    const std::string question =
        fmt::format("owl3: {} is not on this machine. Fetch it from {} ({})? [Y/n] ", name.text(),
                    hub_name(access), byte_text(plan.missing_bytes));
    if (!says_yes(question)) throw;
    fetch_model(request, access, FetchOptions(), pull_command(name));
  }
}

}  // namespace owl3::cli
