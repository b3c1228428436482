#include "training_data/data_stream.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "core/error.h"
#include "training_files.h"

namespace owl3 {
namespace {

/// Two files of rows of different lengths, with pictures that repeat, in an archive and outside.
class DataStreamTest : public ::testing::Test {
 protected:
  DataStreamTest() {
    std::string archive;
    for (int i = 0; i < 5; ++i) {
      archive += test::tar_entry(fmt::format("{}.ppm", i), test::picture(40, 20 + i, 40 * i));
    }
    folder_.write("pictures.tar", archive + test::tar_end());
    folder_.write("one.ppm", test::picture(30, 30, 77));
    std::string rows;
    for (int i = 0; i < 30; ++i) {
      std::vector<std::string> images;
      std::string marks;
      for (int k = 0; k < i % 4; ++k) {
        images.push_back(k == 2 ? "one.ppm" : fmt::format("pictures.tar/{}.ppm", (i + k) % 5));
        marks += "<image>";
      }
      rows += test::row(fmt::format("{}first {}{:x>{}}", marks, i, "", i),
                        fmt::format("answer {}", i), images);
    }
    folder_.write("first.jsonl", rows);
    rows.clear();
    for (int i = 0; i < 11; ++i) {
      rows += test::row(fmt::format("second {}", i), fmt::format("reply {}", i));
    }
    folder_.write("second.jsonl", rows);
  }

  DataOptions options() const {
    DataOptions options;
    options.sources = {{folder_ / "first.jsonl", 1}, {folder_ / "second.jsonl", 2}};
    options.order.seed = 3;
    options.encode.image_size = 16;
    options.rows = 2;
    options.encode.cut = false;
    options.tokens = 250;
    options.images = 6;
    return options;
  }

  ScratchFolder folder_;
};

bool same(const Batch& a, const Batch& b) {
  bool images = a.images.size() == b.images.size();
  for (size_t i = 0; images && i < a.images.size(); ++i)
    images = a.images[i].rgb == b.images[i].rgb;
  return images && a.rows == b.rows && a.tokens == b.tokens &&
         a.images_per_row == b.images_per_row && a.ids == b.ids && a.labels == b.labels &&
         a.segment == b.segment && a.position == b.position && a.image == b.image &&
         a.image_segment == b.image_segment && a.image_position == b.image_position &&
         a.image_hash == b.image_hash && a.label_tokens == b.label_tokens &&
         a.step_label_tokens == b.step_label_tokens;
}

std::vector<Batch> batches_of(DataStream& stream, int count) {
  std::vector<Batch> batches;
  for (int i = 0; i < count; ++i) {
    auto batch = stream.next();
    if (!batch) break;
    batches.push_back(std::move(*batch));
  }
  return batches;
}

/// The texts of a batch's segments, a picture's hash behind each <|image|>.
std::multiset<std::string> samples_of(const Batch& batch) {
  std::multiset<std::string> samples;
  for (int64_t row = 0; row < batch.rows; ++row) {
    std::vector<std::vector<int32_t>> segments;
    for (int64_t t = 0; t < batch.tokens; ++t) {
      const auto at = static_cast<size_t>(row * batch.tokens + t);
      if (batch.segment[at] < 0) continue;
      segments.resize(std::max(segments.size(), static_cast<size_t>(batch.segment[at]) + 1));
      segments[static_cast<size_t>(batch.segment[at])].push_back(
          static_cast<int32_t>(batch.ids[at]));
    }
    for (size_t s = 0; s < segments.size(); ++s) {
      std::string text = test::tokenizer().decode(segments[s]);
      for (int64_t n = 0; n < batch.images_per_row; ++n) {
        const auto at = static_cast<size_t>(row * batch.images_per_row + n);
        if (batch.image_segment[at] != static_cast<int32_t>(s)) continue;
        text += fmt::format(" {}:{}", batch.image_position[at],
                            batch.image_hash[static_cast<size_t>(batch.image[at])]);
      }
      samples.insert(text);
    }
  }
  return samples;
}

TEST_F(DataStreamTest, GivesTheRowsOfAListAsThoseOfLines) {
  DataOptions lists = options();
  for (DataSource& source : lists.sources) {
    std::ifstream file(source.path);
    nlohmann::json list = nlohmann::json::array();
    for (std::string row; std::getline(file, row);) list.push_back(nlohmann::json::parse(row));
    source.path.replace_extension(".json");
    std::ofstream(source.path) << list.dump(2);
  }
  DataStream of_lines(test::tokenizer(), options());
  DataStream of_lists(test::tokenizer(), lists);
  const std::vector<Batch> expected = batches_of(of_lines, 12);
  const std::vector<Batch> batches = batches_of(of_lists, 12);
  ASSERT_EQ(batches.size(), expected.size());
  for (size_t i = 0; i < batches.size(); ++i) EXPECT_TRUE(same(batches[i], expected[i])) << i;
}

/// Steps that next() gives, to the end, which it must tell.
int64_t steps_of(DataStream& stream, int64_t accumulate) {
  int64_t batches = 0;
  for (; !stream.ended(); ++batches) EXPECT_TRUE(stream.next());
  EXPECT_FALSE(stream.next());
  EXPECT_EQ(batches % accumulate, 0);
  return batches / accumulate;
}

TEST_F(DataStreamTest, CountsStepsBeforeTheyAreMade) {
  for (const bool pack : {true, false}) {
    for (const int64_t accumulate : {1, 3, 16}) {
      for (const int64_t tokens : {40, 60, 250}) {  // many rows are longer than 40
        DataOptions options = this->options();
        options.order.epochs = 2;
        options.pack = pack;
        options.accumulate = accumulate;
        options.tokens = tokens;
        DataStream stream(test::tokenizer(), options);
        const StepCount count = stream.count_steps({});
        EXPECT_TRUE(count.whole);
        EXPECT_EQ(count.samples, 2 * stream.samples_per_epoch());
        EXPECT_EQ(count.steps, steps_of(stream, accumulate)) << pack << accumulate << tokens;
      }
    }
  }
}

TEST_F(DataStreamTest, CountsPartOfLargeData) {
  DataStream stream(test::tokenizer(), options());  // without end
  const StepCount hundred = stream.count_steps({.most_steps = 100});
  EXPECT_TRUE(hundred.whole);
  EXPECT_EQ(hundred.steps, 100);
  EXPECT_EQ(batches_of(stream, 100).size(), 100U);
  EXPECT_DOUBLE_EQ(stream.epochs_read(), static_cast<double>(hundred.samples) /
                                             static_cast<double>(stream.samples_per_epoch()));
  EXPECT_FALSE(stream.ended());
  const StepCount part = stream.count_steps({.most_samples = 40, .most_steps = 100});
  EXPECT_FALSE(part.whole);
  EXPECT_GT(part.steps, 0);
  EXPECT_LE(part.samples, 40);
  int asked = 0;
  const StepCount stopped = stream.count_steps({.go_on = [&] { return ++asked <= 20; }});
  EXPECT_FALSE(stopped.whole);
  EXPECT_LE(stopped.samples, 20);
}

TEST_F(DataStreamTest, FillsEveryFieldAsItsCommentSays) {
  DataStream stream(test::tokenizer(), options());
  const auto batch = stream.next();
  ASSERT_TRUE(batch);
  const auto cells = static_cast<size_t>(batch->rows * batch->tokens);
  ASSERT_EQ(batch->rows, 2);
  ASSERT_LE(batch->tokens, 250);
  for (const size_t size :
       {batch->ids.size(), batch->labels.size(), batch->segment.size(), batch->position.size()}) {
    ASSERT_EQ(size, cells);
  }
  int64_t labels = 0;
  std::vector<int64_t> label_ids;
  for (size_t i = 0; i < cells; ++i) {
    const bool starts_row = i % static_cast<size_t>(batch->tokens) == 0;
    const bool starts =
        batch->segment[i] >= 0 && (starts_row || batch->segment[i] != batch->segment[i - 1]);
    if (batch->segment[i] < 0) {
      EXPECT_EQ(batch->ids[i], 0);
      EXPECT_EQ(batch->position[i], 0);
      EXPECT_EQ(batch->labels[i], kNoLabel);
    } else {
      EXPECT_EQ(batch->position[i], starts ? 0 : batch->position[i - 1] + 1);
    }
    if (batch->labels[i] == kNoLabel) continue;
    EXPECT_EQ(batch->labels[i], batch->ids[i]);
    EXPECT_FALSE(starts);
    ++labels;
  }
  EXPECT_GT(labels, 0);
  EXPECT_EQ(batch->label_tokens, labels);
  EXPECT_EQ(batch->step_label_tokens, labels) << "one process, one batch a step";

  // Each image stands at an image token of its segment; each picture is there once.
  size_t tokens = 0;
  for (const int64_t id : batch->ids) tokens += id == test::special("<|image|>") ? 1 : 0;
  size_t images = 0;
  for (int64_t row = 0; row < batch->rows; ++row) {
    for (int64_t n = 0; n < batch->images_per_row; ++n) {
      const auto at = static_cast<size_t>(row * batch->images_per_row + n);
      if (batch->image[at] < 0) continue;
      ++images;
      int found = 0;
      for (int64_t t = 0; t < batch->tokens; ++t) {
        const auto cell = static_cast<size_t>(row * batch->tokens + t);
        found += batch->segment[cell] == batch->image_segment[at] &&
                 batch->position[cell] == batch->image_position[at] &&
                 batch->ids[cell] == test::special("<|image|>");
      }
      EXPECT_EQ(found, 1);
      ASSERT_LT(static_cast<size_t>(batch->image[at]), batch->images.size());
    }
  }
  EXPECT_GT(images, 0u);
  EXPECT_EQ(images, tokens);
  EXPECT_EQ(std::set<uint64_t>(batch->image_hash.begin(), batch->image_hash.end()).size(),
            batch->images.size());
  EXPECT_LT(batch->images.size(), images) << "pictures repeat in these rows";
  for (size_t i = 0; i < batch->images.size(); ++i) {
    EXPECT_EQ(batch->image_hash[i], image_hash_of(batch->images[i]));
    EXPECT_EQ(batch->images[i].width, 16);
  }
}

TEST_F(DataStreamTest, AnEpochHasEverySampleAsOftenAsItsWeightSays) {
  for (const bool pack : {true, false}) {
    DataOptions one_epoch = options();
    one_epoch.order.epochs = 1;
    one_epoch.pack = pack;
    DataStream stream(test::tokenizer(), one_epoch);
    EXPECT_EQ(stream.samples_per_epoch(), 30 + 2 * 11);
    std::multiset<std::string> seen;
    while (const auto batch = stream.next()) {
      if (!pack) {
        for (const int32_t segment : batch->segment) EXPECT_LE(segment, 0);
      }
      seen.merge(samples_of(*batch));
    }
    EXPECT_EQ(seen.size(), 52u);
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 41u);
    EXPECT_EQ(stream.epochs_read(), 1);
    EXPECT_EQ(stream.skip_warning(), "");
    EXPECT_EQ(stream.next(), std::nullopt);
  }
}

TEST_F(DataStreamTest, DoesNotDependOnWorkersOrTheCache) {
  DataOptions plain = options();
  plain.workers = 0;
  DataStream reference(test::tokenizer(), plain);
  const std::vector<Batch> expected = batches_of(reference, 20);
  ASSERT_EQ(expected.size(), 20u);
  for (const int workers : {1, 2, 5}) {
    DataOptions threaded = options();
    threaded.workers = workers;
    threaded.image_cache_bytes = workers == 2 ? 0 : 2000;
    DataStream stream(test::tokenizer(), threaded);
    for (const Batch& batch : expected) ASSERT_TRUE(same(stream.next().value(), batch)) << workers;
    EXPECT_EQ(stream.state(), reference.state());
  }
}

TEST_F(DataStreamTest, TwoProcessesSeeTheSamplesOfOne) {
  for (const bool pack : {true, false}) {
    DataOptions alone = options();
    alone.rows = 8;
    alone.pack = pack;
    DataStream reference(test::tokenizer(), alone);
    DataOptions shared = options();
    shared.pack = pack;
    shared.rows = 2;
    shared.accumulate = 2;
    shared.world = 2;
    DataStream first(test::tokenizer(), shared);
    shared.rank = 1;
    DataStream second(test::tokenizer(), shared);
    for (int step = 0; step < 6; ++step) {
      const Batch whole = reference.next().value();
      std::multiset<std::string> samples;
      int64_t labels = 0;
      for (int micro = 0; micro < 2; ++micro) {
        for (DataStream* stream : {&first, &second}) {
          const Batch part = stream->next().value();
          EXPECT_EQ(part.step_label_tokens, whole.label_tokens);
          labels += part.label_tokens;
          samples.merge(samples_of(part));
        }
      }
      ASSERT_EQ(samples, samples_of(whole)) << step;
      EXPECT_EQ(labels, whole.label_tokens);
      EXPECT_EQ(first.state(), second.state());
    }
  }
}

TEST_F(DataStreamTest, EveryRankGetsAsManyBatches) {
  DataOptions shared = options();
  shared.order.epochs = 1;
  shared.world = 3;
  shared.pack = false;
  std::vector<size_t> counts;
  std::multiset<std::string> seen;
  for (shared.rank = 0; shared.rank < 3; ++shared.rank) {
    DataStream stream(test::tokenizer(), shared);
    const std::vector<Batch> batches = batches_of(stream, 1000);
    counts.push_back(batches.size());
    for (const Batch& batch : batches) seen.merge(samples_of(batch));
    EXPECT_EQ(batches.back().rows, 2);
  }
  EXPECT_EQ(counts, std::vector<size_t>(3, 9)) << "52 samples, 6 a step";
  EXPECT_EQ(seen.size(), 52u);
}

TEST_F(DataStreamTest, GoesOnFromASavedStateExactly) {
  for (const bool pack : {true, false}) {
    DataOptions accumulating = options();
    accumulating.accumulate = 3;
    accumulating.pack = pack;
    DataStream stream(test::tokenizer(), accumulating);
    for (int i = 0; i < 25; ++i) {
      const nlohmann::json state = nlohmann::json::parse(stream.state().dump());
      const Batch expected = stream.next().value();
      DataStream resumed(test::tokenizer(), accumulating);
      resumed.restore(state, "state.json");
      EXPECT_EQ(resumed.state(), state);
      ASSERT_TRUE(same(resumed.next().value(), expected)) << i;
      EXPECT_EQ(resumed.state(), stream.state());
    }
  }
}

TEST_F(DataStreamTest, MayBeRestoredInTheMiddleOfItsWork) {
  DataStream stream(test::tokenizer(), options());
  const nlohmann::json begin = stream.state();
  const std::vector<Batch> first = batches_of(stream, 5);
  stream.restore(begin, "state.json");
  const std::vector<Batch> again = batches_of(stream, 5);
  for (size_t i = 0; i < 5; ++i) EXPECT_TRUE(same(first[i], again[i]));
}

TEST_F(DataStreamTest, GoesOnWithOtherProcessesOfTheSameStep) {
  DataOptions alone = options();
  alone.rows = 4;
  DataStream stream(test::tokenizer(), alone);
  batches_of(stream, 3);
  DataOptions shared = options();
  shared.rows = 2;
  shared.world = 2;
  DataStream resumed(test::tokenizer(), shared);
  resumed.restore(stream.state(), "state.json");
  const std::multiset<std::string> expected = samples_of(stream.next().value());
  for (const std::string& sample : samples_of(resumed.next().value())) {
    EXPECT_TRUE(expected.contains(sample));
  }
}

TEST_F(DataStreamTest, RefusesAForeignState) {
  DataStream stream(test::tokenizer(), options());
  batches_of(stream, 2);
  const nlohmann::json state = stream.state();
  const auto error_of = [](DataStream& reader, const nlohmann::json& other) {
    return message_of<InputError>([&] { reader.restore(other, "state.json"); });
  };
  DataOptions other = options();
  other.order.seed = 4;
  DataStream reseeded(test::tokenizer(), other);
  EXPECT_EQ(error_of(reseeded, state),
            "state.json: saved with other data or options: seed was 3 and is 4");
  other = options();
  other.rows = 3;
  DataStream wider(test::tokenizer(), other);
  EXPECT_EQ(error_of(wider, state),
            "state.json: saved with other data or options: rows_per_step was 2 and is 3");
  other = options();
  other.sources.pop_back();
  DataStream fewer(test::tokenizer(), other);
  EXPECT_NE(error_of(fewer, state).find("saved with 2 files of data, and there are 1 now"),
            std::string::npos);

  EXPECT_EQ(error_of(stream, 3), "state.json: not a state of training data");
  EXPECT_EQ(error_of(stream, {{"next", 1}}), "state.json: not a state of training data");
  for (const char* key : {"next", "skipped", "first_skipped", "batch"}) {
    nlohmann::json broken = state;
    broken.erase(key);
    EXPECT_EQ(error_of(stream, broken), std::string("state.json: ") + key + " is missing");
  }
  nlohmann::json inside = state;
  inside["batch"] = 1;
  EXPECT_EQ(error_of(stream, inside), "state.json: batch is inside a step of other batches");
}

TEST_F(DataStreamTest, CountsWhatItSkips) {
  DataOptions narrow = options();
  narrow.order.epochs = 1;
  narrow.images = 10;
  narrow.encode.cut = true;  // five to seven images each: only rows with one picture at most fit
  DataStream stream(test::tokenizer(), narrow);
  std::multiset<std::string> seen;
  while (const auto batch = stream.next()) seen.merge(samples_of(*batch));
  EXPECT_EQ(stream.skipped() + static_cast<int64_t>(seen.size()), 52);
  EXPECT_GE(stream.skipped(), 14);
  const std::string warning = stream.skip_warning();
  EXPECT_TRUE(warning.starts_with(std::to_string(stream.skipped()) +
                                  " of 52 samples skipped, longer than 250 tokens or 10 images; "
                                  "the first is " +
                                  (folder_ / "first.jsonl").string() + ":"))
      << warning;
}

TEST_F(DataStreamTest, NamesTheLineOfWhatIsWrong) {
  folder_.write("text.png", "no picture");
  const std::string good = test::row("q", "a");
  const std::string path = (folder_ / "bad.jsonl").string();
  const auto error_of = [&](const std::string& line, bool cut) {
    folder_.write("bad.jsonl", good + good + line);
    DataOptions bad = options();
    bad.sources = {{path}};
    bad.order.shuffle = false;
    bad.encode.cut = cut;
    bad.rows = 1;
    bad.pack = false;
    DataStream stream(test::tokenizer(), bad);
    return message_of<InputError>([&] { batches_of(stream, 3); });
  };
  EXPECT_EQ(error_of(test::row("<image><image>", "a", {"one.ppm"}), false),
            path + ":3: 2 <image> marks but 1 image");
  const std::string missing =
      path + ":3: images[0]: " + (folder_ / "none.png").string() + ": No such file or directory";
  EXPECT_EQ(error_of(test::row("<image>", "a", {"none.png"}), false), missing);
  EXPECT_EQ(error_of(test::row("<image>", "a", {"none.png"}), true), missing);
  EXPECT_EQ(error_of(test::row("<image>", "a", {"http://example.org/a.png"}), false),
            path +
                ":3: images[0]: http://example.org/a.png: media are not fetched from the web; "
                "download the file and give its path");
  const std::string broken = error_of(test::row("<image>", "a", {"text.png"}), false);
  EXPECT_TRUE(broken.starts_with(path + ":3: images[0]: " + (folder_ / "text.png").string()))
      << broken;
}

TEST_F(DataStreamTest, NoticesAnEditedOrReorderedFile) {
  DataStream stream(test::tokenizer(), options());
  stream.next();
  const auto replace = [&](const std::string& rows) {  // under a stream that has it mapped
    std::filesystem::remove(folder_ / "second.jsonl");
    folder_.write("second.jsonl", rows);
  };
  const nlohmann::json state = stream.state();
  const std::string path = (folder_ / "second.jsonl").string();
  const std::string rows = read_text(path);
  const size_t second = rows.find('\n') + 1;
  const size_t third = rows.find('\n', second) + 1;
  // As many rows and bytes as before, in another order.
  folder_.write("second.jsonl",
                rows.substr(second, third - second) + rows.substr(0, second) + rows.substr(third));
  DataStream reordered(test::tokenizer(), options());
  EXPECT_EQ(message_of<InputError>([&] { reordered.restore(state, "state.json"); }),
            "state.json: " + path +
                " has changed since: rows were edited or put in another order; put back what the "
                "run began with, or begin a new run with another output");
  replace(rows + test::row("one", "more"));
  DataStream longer(test::tokenizer(), options());
  EXPECT_NE(message_of<InputError>([&] {
              longer.restore(state, "state.json");
            }).find(path + " has changed since: rows was 11 and is 12"),
            std::string::npos);
  replace(rows);
  DataStream same(test::tokenizer(), options());
  same.restore(state, "state.json");
  // A state from before there were content sums.
  nlohmann::json old = state;
  for (auto& source : old["data"]["sources"]) source.erase("content");
  same.restore(old, "state.json");
}

TEST_F(DataStreamTest, NoticesAFileThatIsWrittenOverWhileInUse) {
  DataOptions plain = options();
  plain.workers = 0;
  DataStream stream(test::tokenizer(), plain);
  ASSERT_TRUE(stream.next());
  const std::string path = (folder_ / "first.jsonl").string();
  const std::string rows = read_text(path);
  std::ofstream(path, std::ios::app) << test::row("one", "more");  // no harm
  ASSERT_TRUE(stream.next());
  std::ofstream(path) << rows.substr(0, rows.size() / 2);  // in place
  EXPECT_EQ(message_of<Error>([&] { batches_of(stream, 50); }),
            path + ": was written over while in use; put back what it was");
}

/// Rows of which every fifth is broken, each in its own way.
class BrokenDataTest : public DataStreamTest {
 protected:
  BrokenDataTest() {
    const std::string whole =
        read_text(std::filesystem::path(OWL3_TEST_DATA) / "images" / "02-L-17x5.png");
    folder_.write("cut.png", whole.substr(0, whole.size() - 50));  // its header is whole
    std::string rows;
    for (int i = 0; i < 40; ++i) {
      std::string picture = "one.ppm";
      if (i % 5 == 2) picture = i % 2 == 0 ? "cut.png" : "none.png";
      rows += i == 37 ? "{]\n"
                      : test::row(fmt::format("<image>question {}", i), fmt::format("answer {}", i),
                                  {picture});
    }
    folder_.write("broken.jsonl", rows);
  }

  DataOptions skipping() const {
    DataOptions skipping = options();
    skipping.sources = {{folder_ / "broken.jsonl"}};
    skipping.order.epochs = 2;
    skipping.skip_broken = true;
    skipping.tokens = 120;
    return skipping;
  }
};

TEST_F(BrokenDataTest, IsLeftOutAndNamedOnceOverAllProcesses) {
  std::multiset<std::string> whole;
  std::multiset<std::string> whole_broken;
  {
    DataOptions one = skipping();
    one.rows = 4;
    DataStream stream(test::tokenizer(), one);
    while (const auto batch = stream.next()) {
      whole.merge(samples_of(*batch));
      const LeftOutSamples& left_out = stream.left_out();
      whole_broken.insert(left_out.samples.begin(), left_out.samples.end());
      EXPECT_EQ(batch->label_tokens + left_out.label_tokens, batch->step_label_tokens);
    }
  }
  EXPECT_EQ(whole.size(), 2u * 32);
  EXPECT_EQ(whole_broken.size(), 2u * 8);
  const std::string path = (folder_ / "broken.jsonl").string();
  EXPECT_EQ(whole_broken.count(path + ":8: images[0]: " + (folder_ / "none.png").string() +
                               ": No such file or directory"),
            2u);
  EXPECT_EQ(whole_broken.count(path + ":38: not valid JSON at byte 2"), 2u);

  std::multiset<std::string> both;
  std::multiset<std::string> both_broken;
  for (const int64_t rank : {0, 1}) {
    DataOptions two = skipping();
    two.world = 2;
    two.rank = rank;
    DataStream stream(test::tokenizer(), two);
    while (const auto batch = stream.next()) {
      both.merge(samples_of(*batch));
      both_broken.insert(stream.left_out().samples.begin(), stream.left_out().samples.end());
    }
  }
  EXPECT_EQ(both, whole);
  EXPECT_EQ(both_broken, whole_broken);
}

TEST_F(BrokenDataTest, IsLeftOutTheSameAfterAResume) {
  DataStream stream(test::tokenizer(), skipping());
  std::vector<Batch> batches;
  std::vector<std::vector<std::string>> left_out;
  std::vector<nlohmann::json> states;
  for (;;) {
    states.push_back(stream.state());
    auto batch = stream.next();
    if (!batch) break;
    batches.push_back(std::move(*batch));
    left_out.push_back(stream.left_out().samples);
  }
  for (const size_t from : {size_t{1}, batches.size() / 2}) {
    DataStream resumed(test::tokenizer(), skipping());
    resumed.restore(states[from], "state.json");
    for (size_t i = from; i < batches.size(); ++i) {
      const auto batch = resumed.next();
      ASSERT_TRUE(batch);
      EXPECT_TRUE(same(*batch, batches[i])) << i;
      EXPECT_EQ(resumed.left_out().samples, left_out[i]) << i;
    }
  }
}

TEST_F(BrokenDataTest, EndsTheStreamWhereItIsTooMuch) {
  std::string rows;
  for (int i = 0; i < 20; ++i) rows += i % 2 == 0 ? "{]\n" : test::row("q", "a");
  DataOptions few = skipping();
  few.sources = {{folder_.write("half.jsonl", rows)}};
  few.max_broken = 0.1;
  few.rows = 8;
  DataStream stream(test::tokenizer(), few);
  EXPECT_NE(message_of<InputError>([&] { batches_of(stream, 20); }).find("max_broken"),
            std::string::npos);
  DataOptions none = skipping();
  none.sources = {{folder_.write("all.jsonl", "{]\n{]\n")}};
  none.order.epochs = 0;
  DataStream nothing(test::tokenizer(), none);
  EXPECT_NE(message_of<InputError>([&] { nothing.next(); }).find("none of 2 samples can be used"),
            std::string::npos);
}

TEST_F(BrokenDataTest, IsFoundByACheckThatReadsAsTrainingDoes) {
  DataOptions each_once = skipping();
  each_once.order = {false, 0, 1};
  const DataStream stream(test::tokenizer(), each_once);
  StreamCheckOptions check;
  check.most_errors = 3;
  const StreamCheckReport report = stream.check(check);
  EXPECT_EQ(report.rows, 40);
  EXPECT_EQ(report.broken, 8);
  EXPECT_TRUE(report.whole);
  const std::string path = (folder_ / "broken.jsonl").string();
  ASSERT_EQ(report.errors.size(), 3u);
  EXPECT_TRUE(report.errors[0].starts_with(path + ":3: images[0]: ")) << report.errors[0];
  check.decode = false;  // the header of cut.png is whole
  int64_t broken = 0;
  for (check.rank = 0, check.world = 3; check.rank < 3; ++check.rank) {
    broken += stream.check(check).broken;
  }
  EXPECT_LT(broken, report.broken);
  check.go_on = [](int64_t done, int64_t) { return done < 2; };
  check.rank = 0;
  EXPECT_FALSE(stream.check(check).whole);
}

TEST_F(DataStreamTest, BeginsAnewWhenItIsRewound) {
  DataStream stream(test::tokenizer(), options());
  const std::vector<Batch> first = batches_of(stream, 3);
  stream.rewind();
  const std::vector<Batch> again = batches_of(stream, 3);
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(same(first[i], again[i]));
}

TEST_F(DataStreamTest, ReadsPicturesThatStandInTheRow) {
  // A PPM of one pixel, "P6\n1 1\n255\n\x01\x02\x03", in base64.
  folder_.write("inline.jsonl", test::row("<image>", "a",
                                          {"data:image/x-portable-pixmap;base64,"
                                           "UDYKMSAxCjI1NQoBAgM="}));
  DataOptions inlined = options();
  inlined.sources = {{folder_ / "inline.jsonl"}};
  inlined.encode.cut = false;
  inlined.encode.image_size = 1;
  DataStream stream(test::tokenizer(), inlined);
  EXPECT_EQ(stream.next().value().images.at(0).rgb, (std::vector<uint8_t>{1, 2, 3}));
}

TEST_F(DataStreamTest, FindsMediaUnderAnotherRoot) {
  std::filesystem::create_directory(folder_ / "elsewhere");
  folder_.write("elsewhere/rows.jsonl", test::row("<image>", "a", {"one.ppm"}));
  DataOptions rooted = options();
  rooted.sources = {{folder_ / "elsewhere/rows.jsonl", 1, folder_.path()}};
  DataStream stream(test::tokenizer(), rooted);
  EXPECT_TRUE(stream.next());
}

TEST_F(DataStreamTest, RefusesImpossibleOptions) {
  const auto refused = [&](auto change) {
    DataOptions wrong = options();
    change(wrong);
    return message_of<UsageError>([&] { DataStream(test::tokenizer(), wrong).next(); });
  };
  EXPECT_EQ(refused([](DataOptions& o) { o.rank = 1; }),
            "2 rows, 1 accumulated batches, rank 1 of 1 processes can't be");
  refused([](DataOptions& o) { o.rows = 0; });
  refused([](DataOptions& o) { o.accumulate = int64_t{1} << 62; });
  refused([](DataOptions& o) { o.workers = -1; });
  refused([](DataOptions& o) { o.order.epochs = -1; });
  refused([](DataOptions& o) { o.tokens = 0; });
  refused([](DataOptions& o) { o.sources.clear(); });
}

}  // namespace
}  // namespace owl3
