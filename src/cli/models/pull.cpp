// `owl3 pull`: a model from Hugging Face or ModelScope to this machine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "builtin/open_model.h"
#include "cli/commands.h"
#include "cli/convert.h"
#include "cli/models/fetching.h"
#include "core/byte_text.h"
#include "core/error.h"
#include "core/similar.h"
#include "hub/find_model.h"
#include "program/interrupt.h"
#include "program/number_option.h"

namespace owl3::cli {

namespace {

namespace fs = std::filesystem;

struct Options {
  std::string model;
  std::string revision;
  std::string source;
  std::string dir;
  std::string file;
  std::string type;
  int connections = FetchOptions().connections;
  bool dry_run = false;
  bool verify = false;
};

/// What browsers show is taken too: "https://huggingface.co/ORG/NAME", or a mirror's.
std::string without_address(const std::string& text) {
  std::vector<std::string> sites = {"https://huggingface.co/",
                                    "huggingface.co/",
                                    "https://hf.co/",
                                    "hf.co/",
                                    "https://www.modelscope.cn/models/",
                                    "https://modelscope.cn/models/"};
  if (text.starts_with("http")) {  // a hub that isn't asked may be set to nonsense
    sites.push_back(hub_endpoint(HubSource::kHuggingFace) + "/");
    sites.push_back(hub_endpoint(HubSource::kModelScope) + "/models/");
  }
  for (const std::string& site : sites) {
    if (text.starts_with(site)) return text.substr(site.size());
  }
  return text;
}

[[noreturn]] void refuse_name(const std::string& text) {
  if (names_builtin_model(text)) {
    throw UsageError(
        fmt::format("{}: is in the program, with nothing to fetch: owl3 chat {}", text, text));
  }
  if (const auto type = unknown_type_in(text)) throw UsageError(unknown_type_message(text, *type));
  throw UsageError(fmt::format(
      "{} model on a hub; give a repository, such as mPLUG/mPLUG-Owl3-2B-241014, or one of {}{}",
      text.empty() ? "MODEL is empty, and names no" : text + ": is no name of a",
      short_model_names(), did_you_mean(text, released_model_names())));
}

/// Takes over what an option says; a name that says something else is no name for the same.
void take(std::string& of_name, const std::string& option, const std::string& value,
          const std::string& model) {
  if (value.empty()) return;
  if (!of_name.empty() && of_name != value) {
    throw UsageError(
        fmt::format("{} says {}, and {} {}: give one of them", model, of_name, option, value));
  }
  of_name = value;
}

ModelName name_of(const Options& options) {
  const std::string text = without_address(options.model);
  auto name = parse_model_name(text);
  if (!name) refuse_name(text);
  if (!options.revision.empty() && !is_revision(options.revision))
    throw UsageError(fmt::format("--revision {}: can be none", options.revision));
  take(name->revision, "--revision", options.revision, options.model);
  take(name->type, "--type", options.type, options.model);
  if (name->type == "original") name->type.clear();
  if (options.verify && !name->type.empty()) {
    throw UsageError(fmt::format(
        "--verify: a conversion has no checksum at a hub; verify what it is made of, and make it "
        "anew: owl3 pull --verify {0}, owl3 remove {1}, {2}",
        ModelName{name->repository, name->revision, ""}.text(), name->text(), pull_command(*name)));
  }
  return *name;
}

/// The command that goes on with this one.
std::string command_of(const Options& options, const ModelName& name) {
  std::string command = pull_command(name);
  if (!options.source.empty()) command += " --source " + options.source;
  if (!options.dir.empty()) command += " --dir " + options.dir;
  if (!options.file.empty()) command += " --file " + options.file;
  if (options.verify) command += " --verify";
  return command;
}

void show_plan(const PullRequest& request, const HubAccess& access) {
  const HubCache cache;
  const PullPlan plan = plan_pull(request, access, cache);
  const std::string& type = request.name.type;
  const fs::path converted =
      cache.conversion_path(plan.repository.name, plan.repository.commit, type);
  std::error_code error;
  if (!type.empty() && request.dir.empty() && request.file.empty() &&
      fs::exists(converted, error)) {
    fmt::print("{}: is here; nothing is to be fetched\n", converted.string());
    return;
  }
  fmt::print("{} at {}\n", plan.repository.name, plan.repository.commit);
  for (const RemoteFile& file : plan.repository.files) {
    const bool is_needed =
        std::any_of(plan.files.begin(), plan.files.end(),
                    [&](const RemoteFile& needed) { return needed.path == file.path; });
    fmt::print("  {:>9}  {}{}\n", byte_text(file.size), file.path,
               is_needed ? "" : "  (not fetched)");
  }
  fmt::print("{} files of {}, of which {} to be fetched\n", plan.files.size(),
             byte_text(plan.bytes), byte_text(plan.missing_bytes));
}

/// Where the conversion goes: beside the model, in the cache or in --dir.
fs::path conversion_of(const Options& options, const ModelName& name, const PulledModel& pulled,
                       HubSource source) {
  const std::string repository =
      source == HubSource::kModelScope ? modelscope_repository(name.repository) : name.repository;
  const fs::path in_cache = HubCache().conversion_path(repository, pulled.commit, name.type);
  return options.dir.empty() ? in_cache : fs::path(options.dir) / in_cache.filename();
}

fs::path convert_pulled(const fs::path& model, const fs::path& out, const std::string& type) {
  std::error_code error;
  if (fs::exists(out, error)) return out;
  fs::create_directories(out.parent_path(), error);
  if (error) throw InputError(fmt::format("{}: {}", out.parent_path().string(), error.message()));
  ConvertArguments arguments;
  arguments.model = model;
  arguments.out = out;
  arguments.type = type;
  convert(arguments);
  return out;
}

/// As it is here already, where the hub may not be asked.
PulledModel offline(const Options& options, ModelName name) {
  name.type.clear();
  if (!options.dir.empty() || !options.file.empty() || options.dry_run || options.verify) {
    throw InputError("HF_HUB_OFFLINE is set: nothing can be asked of a hub");
  }
  const HubCache cache;
  try {
    const fs::path path = find_model(name.text());
    const auto commit = cache.commit_of(name.repository, name.revision);
    return {path, commit.value_or("main"), 0, 0, 0};
  } catch (const ModelNotFetched& missing) {
    throw InputError(
        fmt::format("{}: not all of it is on this machine, and no hub may be asked while "
                    "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set: unset it to fetch the model",
                    missing.name().text()));
  }
}

/// A conversion that is here is enough, whether the model it was made of is here or not.
std::optional<fs::path> conversion_here(const PullRequest& request, HubSource source) {
  const ModelName& name = request.name;
  if (name.type.empty() || !request.dir.empty() || !request.file.empty()) return std::nullopt;
  if (!hub_is_offline()) return find_conversion(request, HubAccess::of(source), HubCache());
  try {
    return find_model(name.text());
  } catch (const ModelNotFetched&) {
    return std::nullopt;
  }
}

void pull_model(const Options& options) {
  const ModelName name = name_of(options);
  const PullRequest request = {name, options.file, options.dir};
  const HubSource source = source_of(name, options.source);
  if (options.dry_run && !hub_is_offline()) return show_plan(request, HubAccess::of(source));
  if (const auto here = options.dry_run ? std::nullopt : conversion_here(request, source)) {
    fmt::print("{}: is here\nowl3 chat {} --image photo.jpg\n", here->string(), name.text());
    return;
  }
  FetchOptions fetch;
  fetch.connections = options.connections;
  fetch.verify = options.verify;
  const PulledModel pulled = hub_is_offline() ? offline(options, name)
                                              : fetch_model(request, HubAccess::of(source), fetch,
                                                            command_of(options, name));
  if (pulled.files > 0) {
    fmt::print("{}: {} file{}, {}{}\n", pulled.path.string(), pulled.files,
               pulled.files == 1 ? "" : "s", byte_text(pulled.bytes),
               pulled.fetched_bytes > 0 ? ""
               : options.verify         ? ", which were here already, and are what the hub lists"
                                        : ", which were here already");
  } else {
    fmt::print("{}: is here\n", pulled.path.string());
  }
  std::string model =
      options.dir.empty() && options.file.empty() ? name.text() : pulled.path.string();
  if (!name.type.empty()) {
    std::fflush(stdout);
    const fs::path out =
        convert_pulled(pulled.path, conversion_of(options, name, pulled, source), name.type);
    if (!options.dir.empty()) model = out;
  }
  fmt::print("owl3 chat {} --image photo.jpg\n", model);
}

/// An empty value is a variable that is not set, in a script, and never what is meant.
CLI::Validator not_empty() {
  return {[](std::string& text) { return text.empty() ? "is empty" : ""; }, ""};
}

}  // namespace

void add_pull_command(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("pull", "Fetch a model from Hugging Face or ModelScope");
  command->footer("Short names: " + short_model_names() +
                  ".\n\n"
                  "Files go to Hugging Face's cache, where other tools find them, and what lies "
                  "there already is\n"
                  "not fetched again. What has arrived when the work is interrupted is gone on "
                  "with by the same\n"
                  "command. HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE are "
                  "honoured, proxies\n"
                  "(https_proxy) and certificates (CURL_CA_BUNDLE) too.\n\n"
                  "Examples:\n"
                  "  owl3 pull owl3-2b\n"
                  "  owl3 pull owl3-7b --type q4_k                    and owl3 chat owl3-7b:q4_k\n"
                  "  owl3 pull mPLUG/mPLUG-Owl3-7B-240728 --dry-run   files and sizes\n"
                  "  owl3 pull owl3-2b --verify                       mends what the disk damaged\n"
                  "  owl3 pull owl3-2b --source modelscope");
  command->add_option("MODEL", options->model, "A short name, or a repository: ORG/NAME")
      ->required()
      ->type_name("");
  command->add_option("--revision", options->revision, "A branch, tag or commit (default: main)")
      ->check(not_empty())
      ->type_name("NAME");
  command->add_option("--source", options->source, "hf or modelscope (default: hf)")
      ->check(CLI::IsMember({"hf", "modelscope"}))
      ->type_name("HUB");
  command
      ->add_option("--type", options->type,
                   "Convert on arrival, as owl3 convert does: bf16, q8_0, q6_k, q4_k or q4_0")
      ->check(CLI::IsMember(conversion_types()))
      ->type_name("TYPE");
  command->add_option("--dir", options->dir, "Into this folder instead of the cache")
      ->check(not_empty())
      ->type_name("FOLDER");
  command
      ->add_option("--file", options->file, "This file alone, such as one of several .gguf files")
      ->check(not_empty())
      ->type_name("NAME");
  command->add_option("--connections", options->connections, "Requests at once")
      ->transform(whole_number(1, 32))
      ->capture_default_str()
      ->type_name("N");
  command
      ->add_flag("--verify", options->verify,
                 "Read what is here already, and fetch again what is damaged")
      ->excludes(command->add_flag("--dry-run", options->dry_run,
                                   "Show what would be fetched, with sizes"));
  command->callback([options] { pull_model(*options); });
}

}  // namespace owl3::cli
