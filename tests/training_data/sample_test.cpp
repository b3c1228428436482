#include "training_data/sample.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "training_files.h"

namespace owl3 {
namespace {

Sample parse(const std::string& line, const SampleOptions& options = {}) {
  return parse_sample(line, "a.jsonl:7", options);
}

/// "U:words A:words" and so on, unlearnt answers in brackets.
std::string text_of(const Sample& sample) {
  std::string text;
  for (size_t i = 0; i < sample.messages.size(); ++i) {
    const Message& message = sample.messages[i];
    if (i > 0) text += " ";
    const bool bracket = message.role == Role::kAssistant && !sample.learnt[i];
    text += message.role == Role::kSystem ? "S:" : message.role == Role::kUser ? "U:" : "A:";
    text += bracket ? "[" + message.content + "]" : message.content;
  }
  return text;
}

std::string media_of(const Sample& sample) {
  std::string text;
  for (const SampleMedium& medium : sample.media) {
    text += (medium.is_video ? "video " : "image ") + medium.reference + " " + medium.place + ";";
  }
  return text;
}

TEST(Sample, ReadsEveryLayout) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},)"
       R"({"role":"assistant","content":"a"}]})",
       "S:s U:q A:a"},
      {R"({"system":"s","messages":[{"role":"user","content":"q"},)"
       R"({"role":"assistant","content":"a"}]})",
       "S:s U:q A:a"},
      {R"({"query":"q","response":"r"})", "U:q A:r"},
      {R"({"query":"q3","response":"r3","history":[["q1","r1"],["q2","r2"]],"system":"s"})",
       "S:s U:q1 A:r1 U:q2 A:r2 U:q3 A:r3"},
      {R"({"system":"s","conversation":[{"human":"h1","assistant":"a1"},)"
       R"({"human":"h2","assistant":"a2"}]})",
       "S:s U:h1 A:a1 U:h2 A:a2"},
      {R"({"instruction":"i","input":"n","output":"o"})", "U:i\nn A:o"},
      {R"({"instruction":"i","input":"","output":"o","system":null})", "U:i A:o"},
      {R"({"id":"7","conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]})",
       "U:q A:a"},
      {R"({"messages":[{"role":"assistant","content":"a text"}]})", "A:a text"},
      {R"({"response":"a text"})", "A:a text"},
  };
  for (const auto& [line, expected] : cases) EXPECT_EQ(text_of(parse(line)), expected) << line;
  EXPECT_TRUE(parse(cases.back().first).is_document());
  EXPECT_FALSE(parse(cases.front().first).is_document());
}

TEST(Sample, ReadsLlavasAndMsSwiftsMixedLayouts) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"conversations":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]})",
       "U:q A:a"},
      {R"({"messages":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}],"system":""})",
       "U:q A:a"},
      {R"({"conversation":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]})",
       "U:q A:a"},
      {R"({"conversations":[{"human":"q","assistant":"a"},{"user":"p","gpt":"b"}],"system":"s"})",
       "S:s U:q A:a U:p A:b"},
      {R"({"conversations":[{"from":"system","value":"s"},{"from":"human","value":"q"},)"
       R"({"from":"gpt","value":"a"}]})",
       "S:s U:q A:a"},
      // As data sets written by pandas or Hugging Face's have it: every key in every row.
      {R"({"id":NaN,"weight":-Infinity,"image":NaN,"images":[],"videos":null,"audios":[],)"
       R"("label":null,"objects":{},"source":{"a":[1]},"conversations":[{"from":"human",)"
       R"("value":"NaN \" Infinity","role":null},{"from":"gpt","value":"a","loss":null}]})",
       "U:NaN \" Infinity A:a"},
  };
  for (const auto& [line, expected] : cases) EXPECT_EQ(text_of(parse(line)), expected) << line;
}

TEST(Sample, PutsTogetherContentsOfParts) {
  const auto ask = [](const std::string& parts, const std::string& more = "") {
    return parse(R"({"messages":[{"role":"user","content":)" + parts +
                 R"(},{"role":"assistant","content":[{"type":"text","text":"a"}]}])" + more + "}");
  };
  const Sample own =
      ask(R"([{"type":"text","text":"x"},{"type":"image","image":"1.png","text":null},)"
          R"({"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}},)"
          R"({"type":"image_url","image_url":"2.png"},{"type":"text","text":"y"},)"
          R"({"type":"video","video":"f.mp4"},{"type":"video_url","video_url":{"url":"g.mp4"}},)"
          R"({"type":"image","path":"3.png"},{"image":"file:///4.png"},{"text":"z"}])");
  EXPECT_EQ(text_of(own),
            "U:x<|image|><|image|><|image|>y<|video|><|video|><|image|><|image|>z A:a");
  EXPECT_EQ(media_of(own),
            "image 1.png messages[0].content[1].image;"
            "image data:image/png;base64,AA== messages[0].content[2].image_url;"
            "image 2.png messages[0].content[3].image_url;"
            "video f.mp4 messages[0].content[5].video;"
            "video g.mp4 messages[0].content[6].video_url;"
            "image 3.png messages[0].content[7];"
            "image /4.png messages[0].content[8].image;");
  const Sample listed =
      ask(R"([{"type":"image","index":0},{"type":"image","text":null,"image":null,"index":1},)"
          R"({"type":"text","text":"?"}])",
          R"(,"images":["1.png",{"path":"2.png","bytes":null}])");
  EXPECT_EQ(text_of(listed), "U:<|image|><|image|>? A:a");
  EXPECT_EQ(media_of(listed), "image 1.png images[0];image 2.png images[1];");
}

TEST(Sample, TakesMediaAsPathsObjectsOrBase64) {
  const std::string base64(240, 'A');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"("a.jpg")", "a.jpg"},
      {R"(["a.jpg"])", "a.jpg"},
      {R"({"path":"a.jpg"})", "a.jpg"},
      {R"([{"bytes":null,"path":"a.jpg"}])", "a.jpg"},
      {R"([{"bytes":"iVBORw==","path":"a.jpg"}])", "data:;base64,iVBORw=="},
      {R"([{"bytes":"data:image/png;base64,iVBORw=="}])", "data:image/png;base64,iVBORw=="},
      {R"({"url":"file:///x/a.jpg"})", "/x/a.jpg"},
      {"\"" + base64 + "\"", "data:;base64," + base64},
      {"\"" + base64 + ".jpg\"", base64 + ".jpg"},
  };
  for (const char* key : {"image", "images"}) {
    for (const auto& [value, expected] : cases) {
      const Sample sample = parse(R"({"query":"<image>","response":"r",")" + std::string(key) +
                                  R"(":)" + value + "}");
      EXPECT_EQ(media_of(sample), "image " + expected + " images[0];") << value;
    }
  }
}

TEST(Sample, TakesLlavasImageMarksForFilmsWhereThereAreOnlyFilms) {
  const Sample sample = parse(
      R"({"video":"f.mp4","conversations":[{"from":"human","value":"<image>\nWhat happens?"},)"
      R"({"from":"gpt","value":"a"}]})");
  EXPECT_EQ(text_of(sample), "U:<|video|>\nWhat happens? A:a");
  EXPECT_EQ(media_of(sample), "video f.mp4 videos[0];");
}

TEST(Sample, MediaStandWhereTheRowPutsThem) {
  const Sample sample = parse(
      R"({"messages":[{"role":"user","content":"a <image> b <video>c<image>"},)"
      R"({"role":"assistant","content":"x"},{"role":"user","content":"<image>?"},)"
      R"({"role":"assistant","content":"y"}],"images":["1.png","2.png","3.png"],"videos":"f.mp4"})");
  EXPECT_EQ(text_of(sample), "U:a <|image|> b <|video|>c<|image|> A:x U:<|image|>? A:y");
  EXPECT_EQ(media_of(sample),
            "image 1.png images[0];video f.mp4 videos[0];image 2.png images[1];"
            "image 3.png images[2];");
  EXPECT_TRUE(sample.has_video());
}

TEST(Sample, AMarkBehindABackslashIsPlainText) {
  const Sample sample =
      parse(R"({"messages":[{"role":"user","content":"\\<image> in \\\\<image>, C:\\x"},)"
            R"({"role":"assistant","content":"an \\<image>"}],"images":["1.png"]})");
  EXPECT_EQ(text_of(sample), R"(U:<image> in \<|image|>, C:\x A:an <image>)");
  EXPECT_EQ(text_of(parse(R"({"query":"\\<video>","response":"r","images":["1.png"]})")),
            "U:<|image|>\n<video> A:r");
}

TEST(Sample, ABackslashThatIsNoPartOfAMarkIsOne) {
  EXPECT_EQ(
      text_of(parse(R"({"image":"a","conversations":[{"from":"human","value":"\\<image>\\\\<b>"},)"
                    R"({"from":"gpt","value":"a"}]})")),
      R"(U:\<|image|>\\<b> A:a)");
  EXPECT_EQ(text_of(parse(R"({"messages":[{"role":"user","content":[{"text":"C:\\"},)"
                          R"({"image":"a"}]},{"role":"assistant","content":"a"}]})")),
            R"(U:C:\<|image|> A:a)");
}

TEST(Sample, PutsANewlineAfterMediaWhenAskedLikeMsSwift) {
  SampleOptions options;
  options.newline_after_media = MediaNewlines::kAlways;
  const Sample sample =
      parse(R"({"query":"<image><image>What?","response":"r","images":["1","2"]})", options);
  EXPECT_EQ(text_of(sample), "U:<|image|>\n<|image|>\nWhat? A:r");
  EXPECT_EQ(text_of(parse(R"({"query":"What?","response":"r","images":["1","2"]})", options)),
            "U:<|image|>\n<|image|>\nWhat? A:r");
}

TEST(Sample, PutsMediaThatStandFirstAsChatDoesWhenAsked) {
  SampleOptions options;
  options.newline_after_media = MediaNewlines::kAuto;
  const auto user = [&](const std::string& query, const std::string& images) {
    return text_of(
        parse(R"({"query":")" + query + R"(","response":"r","images":)" + images + "}", options));
  };
  EXPECT_EQ(user("<image><image>What?", R"(["1","2"])"), "U:<|image|>\n<|image|>\nWhat? A:r");
  EXPECT_EQ(user(R"(<image>\nWhat?)", R"(["1"])"), "U:<|image|>\nWhat? A:r");
  EXPECT_EQ(user("What?", R"(["1"])"), "U:<|image|>\nWhat? A:r");
  EXPECT_EQ(user("Is <image> it?", R"(["1"])"), "U:Is <|image|> it? A:r");
  EXPECT_EQ(text_of(parse(R"({"response":"<image>a cat","image":"1"})", options)),
            "A:<|image|>a cat");
}

TEST(Sample, MediaWithoutMarksStandFirst) {
  EXPECT_EQ(text_of(parse(R"({"query":"q","response":"r","images":["1"],"history":[["p","o"]]})")),
            "U:<|image|>\np A:o U:q A:r");
  EXPECT_EQ(text_of(parse(R"({"response":"a caption","image":"1"})")), "A:<|image|>\na caption");
}

TEST(Sample, ADocumentMayHaveMediaInside) {
  const Sample sample =
      parse(R"({"messages":[{"role":"assistant","content":"<image>a cat, <image>a dog"}],)"
            R"("images":["1","2"]})");
  EXPECT_EQ(text_of(sample), "A:<|image|>a cat, <|image|>a dog");
}

TEST(Sample, LearnsAllAnswersOrTheLast) {
  const std::string line = R"({"query":"q3","response":"r3","history":[["q1","r1"],["q2","r2"]]})";
  SampleOptions options;
  EXPECT_EQ(text_of(parse(line, options)), "U:q1 A:r1 U:q2 A:r2 U:q3 A:r3");
  options.loss = Loss::kLastAnswer;
  EXPECT_EQ(text_of(parse(line, options)), "U:q1 A:[r1] U:q2 A:[r2] U:q3 A:r3");
  EXPECT_EQ(text_of(parse(R"({"messages":[{"role":"user","content":"q"},)"
                          R"({"role":"assistant","content":"a","loss":false},)"
                          R"({"role":"user","content":"q"},{"role":"assistant","content":"b"}]})")),
            "U:q A:[a] U:q A:b");
}

TEST(Sample, SaysWhatIsWrongWithARow) {
  const auto message = [](const std::string& role, const std::string& content) {
    return R"({"messages":[{"role":")" + role + R"(","content":")" + content + R"("},)" +
           R"({"role":"assistant","content":"a"}]})";
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{", "not valid JSON at byte 2"},
      {std::string("{}\0{", 4), "not valid JSON at byte 3"},
      {"[1]", "not a JSON object"},
      {R"({"a":1e999})", "holds a number out of range"},
      {"{\"query\":\"\xff\"}", "not UTF-8 at byte 10"},
      {"{}",
       "messages is missing (nor has the row conversations, conversation, response or output)"},
      {R"({"messages":3})", "messages must be a list, not a number"},
      {R"({"messages":[]})", "the row has no messages"},
      {R"({"messages":["a"]})", "messages[0] must be an object, not a string"},
      {R"({"messages":[{"content":"a"}]})", "messages[0].role is missing"},
      {R"({"messages":[{"role":"user"}]})", "messages[0].content is missing"},
      {R"({"messages":[{"role":"user","content":["a"]}]})",
       "messages[0].content[0] must be an object, not a string"},
      {R"({"messages":[{"role":"user","content":{"type":"text"}}]})",
       "messages[0].content must be a string or a list of parts, not an object"},
      {R"({"messages":[{"role":"user","content":[{"type":"audio","audio":"a.wav"}]}]})",
       "messages[0].content[0].type is \"audio\"; it can be text, image, image_url, video or "
       "video_url"},
      {R"({"messages":[{"role":"user","content":[{}]}]})",
       "messages[0].content[0].type is missing"},
      {R"({"messages":[{"role":"user","content":[{"type":"text","text":null}]}]})",
       "messages[0].content[0].text is missing"},
      {R"({"messages":[{"role":"user","content":[{"type":"image","image":["a"]}]}]})",
       "messages[0].content[0].image must be a path or an object with path or bytes, not a list"},
      {R"({"messages":[{"role":"user","content":[{"type":"image","index":1}]}]})",
       "messages[0].content[0].index must be 0: media are taken in order"},
      {R"({"messages":[{"role":"user","content":[{"type":"image","image":"a"}]},)"
       R"({"role":"assistant","content":"x"}],"images":["a"]})",
       "images stands beside messages[0].content[0].image; only one of them can count"},
      {R"({"messages":[{"role":"user","content":[{"type":"image","image":"a"},{"type":"image"}]},)"
       R"({"role":"assistant","content":"x"}]})",
       "2 <image> marks but 1 image"},
      {R"({"messages":[{"role":"user","content":"q"},)"
       R"({"role":"assistant","content":[{"type":"image","image":"a"}]}]})",
       "messages[1].content: <image> may stand in the user's text only"},
      {message("tool", "x"),
       "messages[0].role is \"tool\"; it can be system, user (human) or assistant (gpt)"},
      {R"({"conversations":[{"from":"bot","value":"a"}]})",
       "conversations[0].from is \"bot\"; it can be system, user (human) or assistant (gpt)"},
      {R"({"conversation":[{"human":"a"}]})", "conversation[0].assistant is missing"},
      {R"({"query":"a","response":"b","history":[["c"]]})",
       "history[0] must be a list [query, response]"},
      {R"({"query":1,"response":"b"})", "query must be a string, not a number"},
      {R"({"query":"q","response":""})", "response: the answer is empty"},
      {R"({"output":"o"})", "instruction is missing or empty"},
      {message("assistant", "x"),
       "messages[0].content: here the user's turn is expected: user and assistant alternate, after "
       "at most one system message"},
      {R"({"messages":[{"role":"user","content":"q"}]})",
       "messages[0].content: the row ends without an answer to learn"},
      {R"({"messages":[{"role":"system","content":"q"}]})",
       "messages[0].content: the row ends without an answer to learn"},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","loss":1}]})",
       "messages[1].loss must be true or false, not a number"},
      {R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a",)"
       R"("loss":false}]})",
       "no answer is left to learn: each has \"loss\": false"},
      {R"({"query":"<image><image>","response":"r","images":["1"]})",
       "2 <image> marks but 1 image"},
      {R"({"query":"<image>","response":"r"})", "1 <image> mark but 0 images"},
      {R"({"query":"<image>","response":"r","images":["1"],"videos":["v"]})",
       "0 <video> marks but 1 video"},
      {R"({"query":"q","response":"an <image>","images":["1"]})",
       "response: <image> may stand in the user's text only"},
      {R"({"query":"<|image|>","response":"r","images":["1"]})",
       "query: <|image|> is the model's own mark; write <image>"},
      {R"({"query":"where is <bbox>?","response":"r"})", "query: <bbox> is not supported"},
      {R"({"query":"q","response":"r","images":[1]})",
       "images[0] must be a path or an object with path or bytes, not a number"},
      {R"({"query":"q","response":"r","images":[null]})",
       "images[0] must be a path or an object with path or bytes, not null"},
      {R"({"query":"q","response":"r","images":3})",
       "images must be a path or a list of paths, not a number"},
      {R"({"query":"q","response":"r","images":{}})", "images has neither path nor bytes"},
      {R"({"query":"q","response":"r","images":[{"bytes":null,"path":null}]})",
       "images[0] has neither path nor bytes"},
      {R"({"query":"q","response":"r","images":[{"bytes":[137,80]}]})",
       "images[0].bytes must be a string, not a list"},
      {R"({"query":"q","response":"r","videos":[["1.jpg","2.jpg"]]})",
       "videos[0] must be a path or an object with path or bytes, not a list"},
      {R"({"query":NaN,"response":"r"]})", "not valid JSON at byte 28"},
      {R"({"query":"q","response":"r","images":[""]})", "images[0] is empty"},
      {R"({"query":"q","response":"r","images":["a\u0000b"]})", "images[0] has a zero byte"},
      {R"({"query":"q","response":"r","images":["1"],"image":"2"})",
       "image stands beside images; only one of them can count"},
      {R"({"query":"q","response":"r","audios":["1"]})", "audios are not for this model"},
      {R"({"query":"q","response":"r","label":false})",
       "label is false: bad answers (KTO) can't be learnt from"},
  };
  for (const auto& [line, expected] : cases) {
    EXPECT_EQ(message_of<InputError>([&] { parse(line); }), "a.jsonl:7: " + expected) << line;
  }
}

}  // namespace
}  // namespace owl3
