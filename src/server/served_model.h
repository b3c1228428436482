// The model that is served, and all that requests share of it.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "api/completion.h"
#include "api/model_facts.h"
#include "owl3/owl3.h"
#include "server/media_fetch.h"
#include "server/media_shelf.h"
#include "server/metrics.h"

namespace owl3::server {

struct ServedOptions {
  std::vector<std::string> names;  // by which clients may ask for it; the first is told
  ImageOptions image{};
  VideoOptions video{};
  VisualMemoryOptions memory{};
  int64_t prefix_cache_bytes = int64_t{1} << 30;
  int64_t media_bytes = int64_t{1} << 30;  // of visual memory, on the shelf
  EngineOptions engine{};
  FetchOptions fetch{};
};

class ServedModel {
 public:
  ServedModel(Model model, ServedOptions options)
      : options_(std::move(options)),
        engine_(model, options_.engine),
        memory_(model, options_.memory),
        completions_(model, options_.prefix_cache_bytes),
        shelf_(options_.media_bytes),
        fetcher_(options_.fetch),
        facts_(facts_of(model)),
        model_(std::move(model)) {}

  const Model& model() const { return model_; }
  const ServedOptions& options() const { return options_; }
  const std::string& name() const { return options_.names.front(); }
  bool is_called(std::string_view name) const {
    for (const std::string& own : options_.names) {
      if (own == name) return true;
    }
    return false;
  }

  Engine& engine() { return engine_; }
  VisualMemory& memory() { return memory_; }
  /// What all requests together had visual memory do, and what it holds.
  VisualMemoryStats memory_stats() const {
    VisualMemoryStats all = memory_.stats();
    const std::lock_guard lock(counts_mutex_);
    all.images_encoded = counts_.images_encoded;
    all.images_reused = counts_.images_reused;
    all.decode_seconds = counts_.decode_seconds;
    all.encode_seconds = counts_.encode_seconds;
    return all;
  }
  /// One request is done with its media.
  void count(const VisualMemoryStats& request) {
    const std::lock_guard lock(counts_mutex_);
    counts_.images_encoded += request.images_encoded;
    counts_.images_reused += request.images_reused;
    counts_.decode_seconds += request.decode_seconds;
    counts_.encode_seconds += request.encode_seconds;
  }
  Completions& completions() { return completions_; }
  MediaShelf& shelf() { return shelf_; }
  const MediaFetcher* fetcher() const { return options_.fetch.hosts.empty() ? nullptr : &fetcher_; }
  RequestMetrics& metrics() { return metrics_; }
  const ModelFacts& facts() const { return facts_; }

 private:
  ServedOptions options_;
  Engine engine_;
  VisualMemory memory_;
  Completions completions_;
  mutable std::mutex counts_mutex_;
  VisualMemoryStats counts_;
  MediaShelf shelf_;
  MediaFetcher fetcher_;
  RequestMetrics metrics_;
  ModelFacts facts_;
  Model model_;
};

}  // namespace owl3::server
