// Models from a hub that behaves as the real ones do, and as they shouldn't.
#include "hub/pull.h"

#include "hub/hub_fixture.h"

namespace owl3::test {

namespace fs = std::filesystem;
using Pull = Hub;

TEST_F(Pull, LeavesTheModelAsHuggingFacesToolsLayItDown) {
  const PulledModel pulled = pull_model();
  const fs::path model = cache_folder() / "models--mPLUG--mPLUG-Owl3-2B-241014";
  EXPECT_EQ(pulled.path, model / "snapshots" / std::string(40, 'a'));
  std::ifstream ref(model / "refs" / "main");
  std::string commit;
  ref >> commit;
  EXPECT_EQ(commit, std::string(40, 'a'));
  EXPECT_TRUE(fs::read_symlink(pulled.path / "config.json").string().starts_with("../../blobs/"));
  expect_whole(pulled.path);
  EXPECT_EQ(find_model("owl3-2b"), pulled.path);
  EXPECT_EQ(find_model(kModel), pulled.path);
}

TEST_F(Pull, FetchesWhatIsNeededAlone) {
  const PulledModel pulled = pull_model();
  EXPECT_EQ(pulled.files, 5u);
  EXPECT_FALSE(fs::exists(pulled.path / "README.md"));
  EXPECT_FALSE(fs::exists(pulled.path / "modeling_mplugowl3.py"));
  EXPECT_EQ(room_asked_for_, pulled.bytes);
}

TEST_F(Pull, FetchesNothingTwice) {
  const PulledModel first = pull_model();
  EXPECT_EQ(first.fetched_bytes, first.bytes);
  server_->set_faults({});
  EXPECT_EQ(pull_model().fetched_bytes, 0u);
  EXPECT_EQ(server_->log().size(), 2u);  // which commit, which files
}

TEST_F(Pull, AsksForLargeFilesInPiecesAtOnce) {
  pull_model();
  int pieces = 0;
  for (const auto& request : server_->log())
    pieces += request.value("cdn", false) && request["range"] != "";
  EXPECT_GE(pieces, 12);
}

TEST_F(Pull, SharesFilesThatAreLargeAmongAllConnections) {
  options_.pieces_at_once = 256;
  options_.undivided_pieces = 16;
  pull_model();
  std::map<std::string, int> requests;
  for (const auto& request : server_->log()) ++requests[request["url"]];
  const std::string large = "/mPLUG%2FmPLUG-Owl3-2B-241014/model-00001-of-00002.safetensors";
  EXPECT_EQ(requests[large], 8) << "74 pieces, 10 a request";
  EXPECT_EQ(
      requests["/" + std::string(kModel) + "/resolve/" + std::string(40, 'a') + "/tokenizer.json"],
      1)
      << "13 pieces";
}

TEST_F(Pull, ShowsItsTokenToTheHubAlone) {
  environment_.set("HF_TOKEN", "hf_good");
  pull_model();
  int to_others = 0;
  for (const auto& request : server_->log()) {
    EXPECT_EQ(request["token"], request.value("cdn", false) ? "" : "Bearer hf_good");
    to_others += request.value("cdn", false);
  }
  EXPECT_GT(to_others, 0);
}

TEST_F(Pull, ReadsLongListsPageByPage) {
  server_->set_faults({{"pageSize", 2}});
  expect_whole(pull_model().path);
}

TEST_F(Pull, SendsNoTokenWhereAListLeadsElsewhere) {
  environment_.set("HF_TOKEN", "hf_good");
  server_->set_faults({{"pageSize", 2}, {"linkHost", "example.org"}});
  EXPECT_NE(failure_of("owl3-2b").find("not a hub's"), std::string::npos);
}

TEST_F(Pull, TakesARevision) {
  const PulledModel pulled = pull_model("owl3-2b@v1.0");
  EXPECT_EQ(find_model("owl3-2b@v1.0"), pulled.path);
  EXPECT_THROW(find_model("owl3-2b@v2.0"), ModelNotFetched);
  EXPECT_NE(failure_of("owl3-2b@v2.0").find("has no revision v2.0"), std::string::npos);
}

TEST_F(Pull, SaysWhatToDoAboutModelsThatAreNotThere) {
  const std::string failure = failure_of("me/nothing");
  EXPECT_NE(failure.find("no such model"), std::string::npos) << failure;
  EXPECT_NE(failure.find("owl3-1b, owl3-2b"), std::string::npos) << failure;
  EXPECT_NE(failure.find("HF_TOKEN"), std::string::npos) << failure;
}

TEST_F(Pull, OpensPrivateAndGatedModelsWithAToken) {
  EXPECT_NE(failure_of("me/secret").find("private one"), std::string::npos);
  const std::string gated = failure_of("me/gated");
  EXPECT_NE(gated.find("accept their conditions at " + server_->address() + "/me/gated"),
            std::string::npos)
      << gated;
  environment_.set("HF_TOKEN", "hf_wrong");
  EXPECT_NE(failure_of("me/gated").find("may not read me/gated"), std::string::npos);
  environment_.set("HF_TOKEN", "hf_good");
  expect_whole(pull_model("me/secret").path);
  expect_whole(pull_model("me/gated").path);
}

TEST_F(Pull, WaitsAsLongAsItIsToldTo) {
  server_->set_faults({{"tooMany", 2}, {"retryAfter", 1}});
  const auto start = std::chrono::steady_clock::now();
  expect_whole(pull_model().path);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  EXPECT_NE(told_.find("too many requests"), std::string::npos);
}

TEST_F(Pull, DoesNotWaitForHours) {
  server_->set_faults({{"tooMany", 1}, {"retryAfter", 7200}});
  EXPECT_NE(failure_of("owl3-2b").find("120 minutes"), std::string::npos);
}

TEST_F(Pull, TriesAgainWhatMayPass) {
  server_->set_faults({{"serverError", 3}, {"breakOff", 5}, {"expired", 2}});
  expect_whole(pull_model().path);
}

TEST_F(Pull, GivesUpWhatDoesNotPass) {
  server_->set_faults({{"serverError", true}});
  EXPECT_NE(failure_of("owl3-2b").find("answers 503"), std::string::npos);
  environment_.set("HF_ENDPOINT", "http://127.0.0.1:1");
  EXPECT_NE(failure_of("owl3-2b").find("is there a network"), std::string::npos);
}

TEST_F(Pull, LeavesConnectionsThatStall) {
  server_->set_faults({{"stall", 1}});
  expect_whole(pull_model().path);
}

TEST_F(Pull, ManagesWhereRangesAreIgnored) {
  server_->set_faults({{"ignoreRanges", true}});
  expect_whole(pull_model().path);
}

TEST_F(Pull, GoesOnWhereRangesAreIgnoredAndConnectionsBreak) {
  server_->set_faults({{"ignoreRanges", true}, {"breakOff", 3}});
  expect_whole(pull_model().path);
}

TEST_F(Pull, FetchesOnceMoreWhatArrivedDamaged) {
  server_->set_faults({{"damage", {{"file", "model-00001-of-00002.safetensors"}, {"times", 1}}}});
  expect_whole(pull_model().path);
  EXPECT_NE(told_.find("damaged"), std::string::npos);
}

TEST_F(Pull, KeepsNothingThatArrivesDamagedAgainAndAgain) {
  for (const char* file : {"model-00001-of-00002.safetensors", "tokenizer.json"}) {
    fs::remove_all(cache_folder());
    server_->set_faults({{"damage", {{"file", file}, {"times", -1}}}});
    EXPECT_NE(failure_of("owl3-2b").find("damaged twice"), std::string::npos) << file;
    EXPECT_THROW(find_model("owl3-2b"), ModelNotFetched);
  }
  server_->set_faults({});
  expect_whole(pull_model().path);
}

TEST_F(Pull, BeginsAgainWithAFileThatChangedMeanwhile) {
  server_->set_faults({{"changeAfter", {{"file", "model-00002-of-00002.safetensors"}}}});
  const PulledModel pulled = pull_model();
  EXPECT_EQ(pulled.commit, std::string(40, 'c'));
  expect_whole(pulled.path);
  EXPECT_NE(told_.find("holds another file now"), std::string::npos);
}

TEST_F(Pull, SaysWhatAnsweredInPlaceOfTheHub) {
  server_->set_faults({{"pageInsteadOf", "model-00001-of-00002.safetensors"}});
  const std::string failure = failure_of("owl3-2b");
  EXPECT_NE(failure.find("answered 200 with text/html of 20 bytes instead of"), std::string::npos)
      << failure;
  EXPECT_NE(failure.find("no_proxy"), std::string::npos) << failure;
}

TEST_F(Pull, SaysOfAListedFileThatTheHubDoesNotHaveIt) {
  server_->set_faults({{"missing", "model-00001-of-00002.safetensors"}});
  const std::string failure = failure_of("owl3-2b");
  EXPECT_NE(failure.find("the hub lists model-00001-of-00002.safetensors but does not have it "
                         "(404)"),
            std::string::npos)
      << failure;
  EXPECT_EQ(failure.find("proxy"), std::string::npos) << failure;
}

TEST_F(Pull, NamesTheHostBehindTheHubThatRefusesAndAsksForNoToken) {
  server_->set_faults({{"expired", true}});
  const std::string failure = failure_of("owl3-2b");
  EXPECT_NE(failure.find("where " + server_->address().substr(7) +
                         " sends for its files, refuses "
                         "(403)"),
            std::string::npos)
      << failure;
  EXPECT_EQ(failure.find("token"), std::string::npos) << failure;
  EXPECT_EQ(failure.find("Hugging Face"), std::string::npos) << failure;
}

TEST_F(Pull, CallsAMirrorByItsHost) {
  const std::string failure = failure_of("me/nothing");
  EXPECT_NE(failure.find(server_->address().substr(7) + " has no such model"), std::string::npos)
      << failure;
  EXPECT_EQ(failure.find("Hugging Face"), std::string::npos) << failure;
}

TEST_F(Pull, FetchesAgainWhatIsDamagedWhereItIsAskedToVerify) {
  const PulledModel first = pull_model();
  const fs::path file = fs::canonical(first.path / "model-00002-of-00002.safetensors");
  std::fstream(file, std::ios::in | std::ios::out) << "damaged";
  EXPECT_EQ(pull_model().fetched_bytes, 0u) << "its size is right";
  options_.verify = true;
  EXPECT_EQ(pull_model().fetched_bytes, 100000u);
  EXPECT_NE(told_.find("model-00002-of-00002.safetensors: is damaged here"), std::string::npos);
  expect_whole(first.path);
  EXPECT_EQ(pull_model().fetched_bytes, 0u);
}

TEST_F(Pull, FindsTheConversionOfWhatTheHubHasNowAlone) {
  const auto find = [&](const char* name) {
    return find_conversion({*parse_model_name(name), "", ""}, access(), HubCache());
  };
  EXPECT_FALSE(find("owl3-2b:q8_0"));
  EXPECT_EQ(server_->log().size(), 0u) << "nothing is here, so nobody is asked";
  const auto convert = [&](const std::string& commit) {
    const fs::path path = HubCache().conversion_path(kModel, commit, "q8_0");
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "GGUF";
    return path;
  };
  convert(std::string(40, 'd'));
  EXPECT_FALSE(find("owl3-2b:q8_0")) << "of another commit";
  const fs::path now = convert(std::string(40, 'a'));
  EXPECT_EQ(find("owl3-2b:q8_0"), now);
  EXPECT_EQ(find_model("owl3-2b:q8_0"), now) << "main has its name again";
  EXPECT_FALSE(find("owl3-2b:q4_k"));
}

TEST_F(Pull, FollowsNoRedirectionWithoutEnd) {
  server_->set_faults({{"redirectTo", "/" + std::string(kModel) +
                                          "/resolve/main/model-00001-of-00002.safetensors"}});
  EXPECT_NE(failure_of("owl3-2b").find("in circles"), std::string::npos);
  server_->set_faults({{"redirectTo", "file:///etc/passwd"}});
  EXPECT_NE(failure_of("owl3-2b"), "none");
}

TEST_F(Pull, TakesTheOnlyGgufFileOrTheOneThatIsNamed) {
  const PulledModel only = pull_model("me/only");
  EXPECT_EQ(only.path.filename(), "a.gguf");
  EXPECT_EQ(find_model("me/only"), only.path);
  EXPECT_NE(failure_of("me/files").find("--file: a-q4_k.gguf, b-q8_0.gguf"), std::string::npos);
  const PulledModel named =
      pull({*parse_model_name("me/files"), "b-q8_0.gguf", ""}, access(), HubCache(), options_);
  EXPECT_EQ(named.path.filename(), "b-q8_0.gguf");
  EXPECT_NE(failure_of("me/pickled").find("pickled"), std::string::npos);
}

TEST_F(Pull, FetchesIntoAFolder) {
  const PulledModel pulled =
      pull({*parse_model_name("owl3-2b"), "", folder_ / "mine"}, access(), HubCache(), options_);
  EXPECT_EQ(pulled.path, folder_ / "mine");
  EXPECT_TRUE(is_complete_snapshot(pulled.path));
  EXPECT_FALSE(fs::exists(cache_folder()));
  EXPECT_FALSE(fs::exists(folder_ / "mine" / ".owl3-pull"));
  std::ofstream(folder_ / "mine" / "config.json") << "{}";
  EXPECT_THROW(
      pull({*parse_model_name("owl3-2b"), "", folder_ / "mine"}, access(), HubCache(), options_),
      InputError);
}

TEST_F(Pull, FetchesFromModelScope) {
  const PulledModel pulled = pull_model("owl3-2b", HubSource::kModelScope);
  expect_whole(pulled.path);
  EXPECT_EQ(find_model("owl3-2b"), pulled.path);
  EXPECT_NE(pulled.path.string().find("models--iic--mPLUG-Owl3-2B-241014"), std::string::npos);
}

TEST_F(Pull, AsksNobodyWhereModelsHaveNoPlace) {
  environment_.set("HF_HUB_CACHE", "");
  EXPECT_NE(failure_of("owl3-2b").find("set HF_HOME, or give --dir"), std::string::npos);
  EXPECT_EQ(server_->log().size(), 0u);
}

TEST_F(Pull, TellsOfADiskWithoutRoomBeforeItBegins) {
  options_.check_space = [](const fs::path&, uint64_t) { throw InputError("no room"); };
  EXPECT_EQ(failure_of("owl3-2b"), "no room");
  for (const auto& request : server_->log()) EXPECT_FALSE(request.value("cdn", false));
}

}  // namespace owl3::test
