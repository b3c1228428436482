// Schemas of our own: what the public suite doesn't ask.
#include <gtest/gtest.h>

#include "constraint/answer_form.h"
#include "constraint/schema_reader.h"
#include "core/error.h"

namespace owl3 {
namespace {

AnswerGrammar schema(const std::string& text) {
  AnswerForm form;
  form.schema = text;
  return AnswerGrammar(form);
}

std::string refusal(const std::string& text) {
  try {
    schema(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Schema, TakesPropertiesInAnyOrderAndOneSpaceBehindPunctuation) {
  AnswerGrammar grammar =
      schema(R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},)"
             R"("required":["a","b"],"additionalProperties":false})");
  EXPECT_TRUE(grammar.accepts(R"({"a":1,"b":"x"})"));
  EXPECT_TRUE(grammar.accepts(R"({"b":"x","a":1})"));
  EXPECT_TRUE(grammar.accepts(R"({"a": 1, "b": "x"})"));
  EXPECT_FALSE(grammar.accepts(R"({"a":1})"));
  EXPECT_FALSE(grammar.accepts(R"({"a":1,"b":"x","c":2})"));
  EXPECT_FALSE(grammar.accepts(R"({"a":1,"a":2,"b":"x"})"));  // a name twice
  EXPECT_FALSE(grammar.accepts(R"({"a":  1,"b":"x"})"));
  EXPECT_FALSE(grammar.accepts(R"({"a":1,"b":"x"} )"));
}

TEST(Schema, NamesTwiceAreRefusedAmongOtherNames) {
  AnswerGrammar grammar = schema(R"({"type":"object","additionalProperties":{"type":"integer"}})");
  EXPECT_TRUE(grammar.accepts(R"({"xa":1,"xb":2,"":3,"ü":4})"));
  EXPECT_FALSE(grammar.accepts(R"({"xa":1,"xb":2,"xa":3})"));
  EXPECT_TRUE(grammar.accepts(R"({"xä":1,"xö":3})"));
  EXPECT_FALSE(grammar.accepts(R"({"xä":1,"x\u00e4":3})"));  // the same name, escaped
}

TEST(Schema, FindsTheLastOfFewOtherNames) {
  // Of two names that match one is there already: the other's first byte says only that it is one
  // of 64 letters.
  AnswerGrammar grammar = schema(R"({"type":"object","patternProperties":{"^[aä]$":{}},)"
                                 R"("additionalProperties":false})");
  EXPECT_TRUE(grammar.accepts(R"({"a":1,"ä":2})"));
  EXPECT_TRUE(grammar.accepts(R"({"ä":1,"a":2})"));
  EXPECT_FALSE(grammar.accepts(R"({"a":1,"a":2})"));
  EXPECT_FALSE(grammar.accepts(R"({"a":1,"å":2})"));
}

TEST(Schema, CountsCharactersHoweverTheyAreWritten) {
  AnswerGrammar grammar = schema(R"({"type":"string","minLength":2,"maxLength":3})");
  EXPECT_TRUE(grammar.accepts(R"("äö")"));
  EXPECT_TRUE(grammar.accepts(R"("\u00e4\ud83d\ude00")"));
  EXPECT_TRUE(grammar.accepts("\"\xF0\x9F\x98\x80\\n\\\"\""));
  EXPECT_FALSE(grammar.accepts(R"("ä")"));
  EXPECT_FALSE(grammar.accepts(R"("abcd")"));
  EXPECT_FALSE(grammar.accepts("\"\xC0\x80z\""));      // no UTF-8
  EXPECT_FALSE(grammar.accepts("\"\xED\xA0\x80z\""));  // a surrogate
  EXPECT_FALSE(grammar.accepts(R"("\ud83dz")"));       // half of a pair
  EXPECT_FALSE(grammar.accepts("\"a\nb\""));           // a line's end must be escaped
}

TEST(Schema, EscapesWhatSerialisersEscape) {
  AnswerGrammar grammar = schema(R"({"enum":["ab\"\\/","ä\n\u0001\u007f"]})");
  EXPECT_TRUE(grammar.accepts(R"("ab\"\\/")"));
  EXPECT_TRUE(grammar.accepts(R"("ab\"\\\/")"));
  EXPECT_TRUE(grammar.accepts(R"("\u00E4\u000a\u0001\u007f")"));
  EXPECT_TRUE(grammar.accepts("\"ä\\n\\u0001\x7f\""));
  for (const char* text : {R"("\u0061b\"\\/")", R"("ab\u0022\\/")", R"("ab\"\u005c/")"}) {
    EXPECT_FALSE(grammar.accepts(text)) << text;
  }
}

TEST(Schema, KnowsNumbersByTheirValue) {
  AnswerGrammar between = schema(R"({"type":"number","minimum":-1.5,"exclusiveMaximum":20})");
  for (const char* inside : {"-1.5", "-1.50001e0", "0", "-0", "-0.0", "19.999", "1e1", "1.9e+1",
                             "5e-300", "3.25", "1.0"}) {
    const bool expected = std::string(inside) != "-1.50001e0";
    EXPECT_EQ(between.accepts(inside), expected) << inside;
  }
  for (const char* outside :
       {"-1.51", "20", "20.0", "2e1", "-2", "1e300", "007", "1.", ".5", "+1"}) {
    EXPECT_FALSE(between.accepts(outside)) << outside;
  }
  AnswerGrammar hundredths = schema(R"({"type":"number","multipleOf":0.01})");
  for (const char* yes : {"1.13", "0.1", "-2", "0.07", "0"})
    EXPECT_TRUE(hundredths.accepts(yes)) << yes;
  for (const char* no : {"1.131", "0.001"}) EXPECT_FALSE(hundredths.accepts(no)) << no;
  AnswerGrammar integers = schema(R"({"type":"integer","multipleOf":25,"maximum":1000})");
  for (const char* yes : {"0", "25", "1000", "-75", "50.0"})
    EXPECT_TRUE(integers.accepts(yes)) << yes;
  for (const char* no : {"1025", "26", "12.5"}) EXPECT_FALSE(integers.accepts(no)) << no;
}

TEST(Schema, KnowsManyNumbersByTheirValue) {
  // However each is written; what is no value of the list differs in one digit, its sign or size.
  const auto list = [](int count) {
    std::string values;
    for (int i = 0; i < count; ++i) values += fmt::format("{},{}.25,", 7 * i * i + 3, -i);
    return "{\"enum\":[" + values + "\"x\",0.001,12e20]}";
  };
  AnswerGrammar among = schema(list(400));
  for (const char* text : {"3", "10", "10.0", "1e1", "1E+1", "178", "1.78e2", "11203", "1.1203e4",
                           "-17.25", "-1.725e1", "0.001", "1e-3", "1.2e21", "\"x\""}) {
    EXPECT_TRUE(among.accepts(text)) << text;
  }
  for (const char* text : {"4", "-3", "10.5", "1e2", "17.25", "-17.2", "-17.255", "112030",
                           "1.1203e5", "0.01", "1e-4", "1.2e22", "0", "\"y\""}) {
    EXPECT_FALSE(among.accepts(text)) << text;
  }
  AnswerGrammar others = schema("{\"type\":\"number\",\"not\":" + list(18) + "}");
  for (const char* text : {"4", "-3", "10.5", "1e2", "17.25", "-17.255", "1.2e22", "0"}) {
    EXPECT_TRUE(others.accepts(text)) << text;
  }
  for (const char* text : {"3", "10.0", "1E+1", "-17.25", "1e-3", "1.2e21"}) {
    EXPECT_FALSE(others.accepts(text)) << text;
  }
}

TEST(Schema, AnswersHaveIntegersInDigits) {
  const auto grammar = [](const std::string& text) {
    AnswerForm form;
    form.schema = text;
    return std::make_unique<AnswerGrammar>(form, IntegerTexts::kDigits);
  };
  const auto count = grammar(R"({"type":"integer","minimum":-20,"maximum":20})");
  for (const char* yes : {"0", "-20", "7"}) EXPECT_TRUE(count->accepts(yes)) << yes;
  for (const char* no : {"7.0", "2e0", "2.0e1", "21"}) EXPECT_FALSE(count->accepts(no)) << no;
  // A number may still be written as one, and what is no integer has to be none.
  const auto either = grammar(R"({"anyOf":[{"type":"integer"},{"type":"number","maximum":9}]})");
  for (const char* yes : {"7.0", "7.5", "1e0", "12"}) EXPECT_TRUE(either->accepts(yes)) << yes;
  for (const char* no : {"12.0", "9.5"}) EXPECT_FALSE(either->accepts(no)) << no;
  const auto broken = grammar(R"({"type":"number","not":{"type":"integer"}})");
  EXPECT_TRUE(broken->accepts("7.5"));
  for (const char* no : {"7", "7.0", "1e1"}) EXPECT_FALSE(broken->accepts(no)) << no;
}

TEST(Schema, MultiplesEndWithin32Digits) {
  for (const int divisor : {7, 150, 199, 512, 997, 1024, 4999, 5000}) {
    for (const char* type : {"integer", "number"}) {
      AnswerForm form;
      form.schema = fmt::format(R"({{"type":"{}","multipleOf":{}}})", type, divisor);
      AnswerGrammar grammar(form, IntegerTexts::kDigits);
      AnswerWalk& walk = grammar.walk();
      WalkState state = grammar.begin();
      int digits = 0;
      int remainder = 0;
      for (char digit = '9'; digit != 0;) {  // the largest that goes on
        state = walk.next(state, static_cast<unsigned char>(digit));
        remainder = (remainder * 10 + digit - '0') % divisor;
        ++digits;
        digit = 0;
        for (const char next : walk.next_bytes(state)) {
          if (next >= '0' && next <= '9') digit = std::max(digit, next);
        }
      }
      EXPECT_EQ(digits, 32) << form.schema;
      EXPECT_EQ(remainder, 0) << form.schema;
      EXPECT_TRUE(walk.complete(state)) << form.schema;
    }
  }
}

TEST(Schema, NumbersHaveUpTo32DigitsOnEachSideOfThePoint) {
  AnswerGrammar number = schema(R"({"type":"number"})");
  const std::string digits(32, '3');
  for (const std::string& yes :
       {digits, digits + "." + digits, "-0." + digits, "3." + digits + "e9"})
    EXPECT_TRUE(number.accepts(yes)) << yes;
  for (const std::string& no : {digits + "3", digits + "." + digits + "3", "-0.3" + digits})
    EXPECT_FALSE(number.accepts(no)) << no;
}

TEST(Schema, TakesDivisorsWithZerosBehind) {
  for (const int divisor : {1000, 2000, 15'000, 25'000, 40'000, 4'999'000, 8'000'000}) {
    AnswerGrammar grammar = schema(fmt::format(R"({{"type":"integer","multipleOf":{}}})", divisor));
    for (const int64_t times : {-3, 0, 1, 2, 5, 20, 101, 1000, 40'000}) {
      EXPECT_TRUE(grammar.accepts(std::to_string(times * divisor))) << times * divisor;
      for (const int other : {1, 10, divisor / 2, divisor / 5, divisor / 10}) {
        const std::string text = std::to_string(times * divisor + other);
        EXPECT_FALSE(grammar.accepts(text)) << text << " by " << divisor;
      }
    }
  }
}

TEST(Schema, TakesDivisorsUpTo5000WithLimits) {
  for (const int divisor : {400, 1234, 4000, 4999, 5000}) {
    for (const char* type : {"integer", "number"}) {
      for (const auto& [min, max] : {std::pair{0, 9999}, {10'000, 50'000}, {-50'000, 1'000'000}}) {
        AnswerGrammar grammar =
            schema(fmt::format(R"({{"type":"{}","multipleOf":{},"minimum":{},"maximum":{}}})", type,
                               divisor, min, max));
        const int first = (min + (min > 0 ? divisor - 1 : 0)) / divisor;
        const int last = max / divisor;
        for (const int i : {first, (first + last) / 2, last}) {
          EXPECT_TRUE(grammar.accepts(std::to_string(i * divisor))) << i * divisor;
          EXPECT_FALSE(grammar.accepts(std::to_string(i * divisor + 1))) << i * divisor + 1;
        }
        for (const int i : {first - 1, last + 1}) {
          EXPECT_FALSE(grammar.accepts(std::to_string(i * divisor))) << i * divisor;
        }
      }
    }
  }
}

TEST(Schema, TellsOfIntegersTooLargeForDigits) {
  AnswerForm form;
  const auto refused = [&](const std::string& text) -> std::string {
    form.schema = text;
    try {
      AnswerGrammar grammar(form, IntegerTexts::kDigits);
    } catch (const NoAnswer& error) {
      return error.what();
    }
    return {};
  };
  EXPECT_NE(refused(R"({"type":"integer","minimum":1e40})").find("32 digits"), std::string::npos);
  EXPECT_NE(refused(R"({"type":"integer","minimum":2,"maximum":1})").find("contradicts"),
            std::string::npos);
  EXPECT_EQ(refused(R"({"type":"integer","minimum":1e30})"), "");
}

TEST(Schema, EveryByteOfAnAnswerCanBeCompleted) {
  // Names of which few are left, and properties of which one must be there.
  AnswerGrammar grammar =
      schema(R"({"type":"object","patternProperties":{"^[ab]$":{"type":"null"}},)"
             R"("additionalProperties":false,"minProperties":2})");
  AnswerWalk& walk = grammar.walk();
  WalkState state = grammar.begin();
  for (const char byte : std::string(R"({"a":null)")) {
    state = walk.next(state, static_cast<unsigned char>(byte));
  }
  EXPECT_EQ(walk.next_bytes(state), ",");
  for (const char byte : std::string(R"(,")")) {
    state = walk.next(state, static_cast<unsigned char>(byte));
  }
  const std::string next = walk.next_bytes(state);
  EXPECT_NE(next.find('b'), std::string::npos);
  EXPECT_EQ(next.find_first_not_of("b\\"), std::string::npos) << next;
}

TEST(Schema, RefusesByNameWhatItCannotKeepTo) {
  EXPECT_NE(refusal(R"({"uniqueItems":true})").find("\"uniqueItems\""), std::string::npos);
  EXPECT_NE(refusal(R"({"properties":{"a":{"unevaluatedProperties":false}}})")
                .find("\"unevaluatedProperties\" (at #/properties/a)"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"$ref":"other.json"})").find("leads out of the document"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"$ref":"#/$defs/none"})").find("leads nowhere"), std::string::npos);
  EXPECT_NE(refusal(R"({"$ref":"#"})").find("refers to itself"), std::string::npos);
  EXPECT_NE(refusal(R"({"type":"strnig"})").find("no type"), std::string::npos);
  EXPECT_NE(refusal(R"({"pattern":"(a"})").find("not closed"), std::string::npos);
  EXPECT_NE(refusal(R"({"pattern":"(a)\\1"})").find("backreferences"), std::string::npos);
  EXPECT_NE(refusal("{").find("no JSON"), std::string::npos);
  EXPECT_NE(refusal(std::string("{}\0{}", 5)).find("byte 3 is zero"), std::string::npos);
  EXPECT_NE(refusal(R"({"type":"string","minLength":3,"maxLength":2})").find("no answer"),
            std::string::npos);
}

TEST(Schema, RefusesInOneLineHoweverLongItsNamesAre) {
  const std::string name(1'000'000, 'x');
  for (const std::string& text :
       {R"({"$ref":"#/)" + name + "\"}", R"({"type":")" + name + "\"}",
        R"({"format":")" + name + R"(","properties":{")" + name + R"(":{"uniqueItems":true}}})",
        R"({"pattern":"()" + name + "\"}"}) {
    const std::string refused = refusal(text);
    EXPECT_LT(refused.size(), 1000u);
    EXPECT_NE(refused.find("..."), std::string::npos) << refused;
  }
  const std::string no_json = refusal(R"({"pattern":")" + name + R"(\d"})");
  EXPECT_NE(no_json.find("forbidden character after backslash"), std::string::npos) << no_json;
  EXPECT_LT(no_json.size(), 300u);
}

TEST(Schema, RefusesWhatWouldMultiply) {
  // Each of these is small to write, and has more cases than there are bytes of memory.
  std::string all_of = R"({"type":"object","allOf":[)";
  for (int i = 0; i < 40; ++i) {
    all_of += fmt::format(R"({}{{"anyOf":[{{"required":["a{}"]}},{{"required":["b{}"]}}]}})",
                          i > 0 ? "," : "", i, i);
  }
  EXPECT_NE(refusal(all_of + "]}").find("simpler"), std::string::npos);
  EXPECT_NE(refusal(R"({"type":"string","pattern":"(a|b)*a(a|b){30}$"})").find("simpler"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"type":"string","pattern":"((((a{100}){100}){100}){100}){100}"})"), "");
  EXPECT_NE(refusal(std::string(100'000, '[')).find("nested"), std::string::npos);
}

TEST(Schema, RefusesWhatIsReferredToTooDeepOrTooOften) {
  std::string chain = R"({"$ref":"#/$defs/d0","$defs":{)";
  for (int i = 0; i < 20'000; ++i) {
    chain += fmt::format(R"("d{}":{{"$ref":"#/$defs/d{}"}},)", i, i + 1);
  }
  EXPECT_NE(refusal(chain + R"("d20000":{"type":"integer"}}})").find("nested"), std::string::npos);
  EXPECT_NE(
      refusal(R"({"type":"array","contains":{"const":1},"minContains":100000})").find("items of"),
      std::string::npos);
  // Each level twice in the one above.
  std::string twice = R"({"$ref":"#/$defs/d0","type":"number","$defs":{)";
  for (int i = 0; i < 24; ++i) {
    twice += fmt::format(
        R"("d{0}":{{"allOf":[{{"anyOf":[{{"$ref":"#/$defs/d{1}"}},{{"minimum":{0}}}]}},)"
        R"({{"anyOf":[{{"$ref":"#/$defs/d{1}"}},{{"maximum":{1}}}]}}]}},)",
        i, i + 1);
  }
  EXPECT_NE(refusal(twice + R"("d24":{"type":"integer"}}})").find("simpler"), std::string::npos);
}

TEST(Schema, TellsItsPlacesWithoutAPathForEach) {
  // 100 properties inside each other with long names, in the innermost many values: their paths
  // together would be 100 GB.
  std::string inside = R"({"enum":[)";
  for (int i = 0; i < 50'000; ++i) inside += "{},";
  inside += "{}]}";
  for (int i = 0; i < 95; ++i) {
    inside = R"({"properties":{")" + std::string(20'000, 'k') + R"(":)" + inside + "}}";
  }
  EXPECT_TRUE(schema(inside).accepts("7"));
}

TEST(Schema, FindsNamesForWhatMustStillComeBehindMany) {
  // Some name with a b in it must have another value, whatever came before.
  AnswerGrammar grammar =
      schema(R"({"type":"object","not":{"patternProperties":{"b":{"type":"integer"}}}})");
  std::string members;
  for (int i = 0; i < 30; ++i) members += fmt::format(R"("b{}":1,)", i);
  EXPECT_TRUE(grammar.accepts("{" + members + R"("ab":"x"})"));
  EXPECT_FALSE(grammar.accepts("{" + members + R"("a":"x"})"));
  // A name of two, and both may come.
  AnswerGrammar few =
      schema(R"({"type":"object","additionalProperties":false,"patternProperties":{"^[ab]$":{}},)"
             R"("not":{"patternProperties":{"":{"type":"integer"}}}})");
  EXPECT_TRUE(few.accepts(R"({"a":1,"b":"x"})"));
  EXPECT_FALSE(few.accepts(R"({"a":1,"b":2})"));
}

TEST(Schema, ReadsRulesWhileOthersAreMadeOfThem) {
  // What contradicts a rule is new rules: each of these makes two while it is read.
  const auto none_of = [](const std::string& least, const std::string& most, int count) {
    std::string parts;
    for (int i = 1; i <= count; ++i) {
      const std::string limit = std::to_string(2 * i);
      parts += (i > 1 ? "," : "") +
               ("{\"not\":{\"" + least + "\":" + limit + ",\"" + most + "\":" + limit + "}}");
    }
    return "\"allOf\":[" + parts + "]";
  };
  AnswerGrammar items = schema(R"({"type":"array",)" + none_of("minItems", "maxItems", 6) + "}");
  EXPECT_TRUE(items.accepts("[1]"));
  EXPECT_FALSE(items.accepts("[1,2]"));
  EXPECT_TRUE(items.accepts("[1,2,3]"));
  EXPECT_FALSE(items.accepts("[1,2,3,4]"));
  AnswerGrammar text = schema(R"({"type":"string",)" + none_of("minLength", "maxLength", 6) + "}");
  EXPECT_TRUE(text.accepts(R"("abc")"));
  EXPECT_FALSE(text.accepts(R"("abcd")"));
  AnswerGrammar members =
      schema(R"({"type":"object",)" + none_of("minProperties", "maxProperties", 6) + "}");
  EXPECT_TRUE(members.accepts(R"({"a":1})"));
  EXPECT_FALSE(members.accepts(R"({"a":1,"b":2})"));
}

TEST(Schema, RecursesThroughReferences) {
  AnswerGrammar tree =
      schema(R"({"$defs":{"node":{"type":"object","properties":{"value":{"type":"integer"},)"
             R"("children":{"type":"array","items":{"$ref":"#/$defs/node"}}},"required":["value"],)"
             R"("additionalProperties":false}},"$ref":"#/$defs/node"})");
  EXPECT_TRUE(tree.accepts(R"({"value":1,"children":[{"value":2},{"value":3,"children":[]}]})"));
  EXPECT_FALSE(tree.accepts(R"({"value":1,"children":[{"children":[]}]})"));
  EXPECT_NE(refusal(R"({"$defs":{"n":{"type":"object","properties":{"n":{"$ref":"#/$defs/n"}},)"
                    R"("required":["n"]}},"$ref":"#/$defs/n"})")
                .find("no answer"),
            std::string::npos);
}

}  // namespace
}  // namespace owl3
