#include "constraint/string_formats.h"

#include <fmt/format.h>

namespace owl3 {

namespace {

// RFC 3339; days exist in their months.
const std::string kLeapYear =
    "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
const std::string kDate =
    "(?!0000)(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|"
    "(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))|" +
    kLeapYear + "-02-29)";
const std::string kTime =
    "(?:(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?"
    "(?:[Zz]|[+\\-](?:[01]\\d|2[0-3]):[0-5]\\d)|23:59:60(?:\\.\\d+)?[Zz])";
// ISO 8601, as RFC 3339's appendix A has it.
const std::string kTimeSpan = "T(?:\\d+H(?:\\d+M(?:\\d+S)?)?|\\d+M(?:\\d+S)?|\\d+S)";
const std::string kDuration =
    "P(?:\\d+W|(?:\\d+Y(?:\\d+M(?:\\d+D)?)?|\\d+M(?:\\d+D)?|\\d+D)(?:" + kTimeSpan + ")?|" +
    kTimeSpan + ")";

// RFC 1123.
const std::string kLabel = "[A-Za-z0-9](?:[A-Za-z0-9\\-]{0,61}[A-Za-z0-9])?";
const std::string kHostname = kLabel + "(?:\\." + kLabel + ")*";
// RFC 5322's dot-atom, at a name of several labels.
const std::string kAtomText = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\-]+";
std::string email(const std::string& atom, const std::string& label) {
  return atom + "(?:\\." + atom + ")*@" + label + "(?:\\." + label + ")+";
}

const std::string kByte = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const std::string kIpv4 = kByte + "(?:\\." + kByte + "){3}";

/// RFC 4291: eight groups, of which one run of zeros may be left out, the last two as IPv4.
std::string ipv6() {
  const std::string group = "[0-9A-Fa-f]{1,4}";
  const std::string last = "(?:" + group + ":" + group + "|" + kIpv4 + ")";
  std::string ways = fmt::format("(?:{}:){{6}}{}", group, last);
  for (int behind = 5; behind >= 0; --behind) {  // groups of "last" and before it, behind "::"
    const int before = 5 - behind;
    const std::string head =
        before == 0 ? "" : fmt::format("(?:(?:{}:){{0,{}}}{})?", group, before - 1, group);
    ways += fmt::format("|{}::(?:{}:){{{}}}{}", head, group, behind, last);
  }
  ways += fmt::format("|(?:(?:{}:){{0,5}}{})?::{}", group, group, group);
  ways += fmt::format("|(?:(?:{}:){{0,6}}{})?::", group, group);
  return "(?:" + ways + ")";
}

/// RFC 3986 and, with characters beyond ASCII, 3987.
struct UriGrammar {
  std::string other;  // characters beyond ASCII

  std::string unit(const std::string& more) const {
    return "(?:[A-Za-z0-9\\-._~!$&'()*+,;=" + other + more + "]|%[0-9A-Fa-f]{2})";
  }
  std::string authority() const {
    return "(?:" + unit(":") + "*@)?(?:\\[" + ipv6() + "\\]|" + unit("") + "*)(?::\\d*)?";
  }
  std::string tail() const { return "(?:\\?" + unit(":@/?") + "*)?(?:#" + unit(":@/?") + "*)?"; }
  std::string segments() const { return "(?:/" + unit(":@") + "*)*"; }
  std::string rooted() const {
    return "//" + authority() + segments() + "|/(?:" + unit(":@") + "+" + segments() + ")?";
  }
  std::string absolute() const {
    return "[A-Za-z][A-Za-z0-9+\\-.]*:(?:" + rooted() + "|" + unit(":@") + "+" + segments() + "|)" +
           tail();
  }
  std::string relative() const {
    return "(?:" + rooted() + "|" + unit("@") + "+" + segments() + "|)" + tail();
  }
};

const std::string kBeyondAscii =
    "\\u00A0-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF\\u{10000}-\\u{1FFFD}\\u{20000}-\\u{2FFFD}";

// RFC 6570.
const std::string kTemplateName =
    "(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})(?:\\.?(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2}))*"
    "(?::[1-9]\\d{0,3}|\\*)?";
const std::string kUriTemplate =
    "(?:[^\\x00-\\x20\"'%<>\\\\^`{|}]|%[0-9A-Fa-f]{2}|\\{[+#./;?&=,!@|]?" + kTemplateName + "(?:," +
    kTemplateName + ")*\\})*";

const std::string kPointer = "(?:/(?:[^~/]|~[01])*)*";

}  // namespace

std::optional<StringFormat> string_format(std::string_view name) {
  constexpr uint32_t kLongestHostname = 253;
  const UriGrammar uri{""};
  const UriGrammar iri{kBeyondAscii};
  if (name == "date") return StringFormat{kDate};
  if (name == "time") return StringFormat{kTime};
  if (name == "date-time") return StringFormat{kDate + "[Tt]" + kTime};
  if (name == "duration") return StringFormat{kDuration};
  if (name == "email") return StringFormat{email(kAtomText, kLabel)};
  if (name == "idn-email") {
    return StringFormat{
        email("[^\\x00-\\x20\"(),.:;<>@\\[\\\\\\]\\x7F]+", "[^\\x00-\\x2C./:-@\\[-`{-\\x7F]+")};
  }
  if (name == "hostname") return StringFormat{kHostname, kLongestHostname};
  if (name == "ipv4") return StringFormat{kIpv4};
  if (name == "ipv6") return StringFormat{ipv6()};
  if (name == "uuid") {
    return StringFormat{
        "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-"
        "[0-9A-Fa-f]{12}"};
  }
  if (name == "uri") return StringFormat{uri.absolute()};
  if (name == "uri-reference") return StringFormat{uri.absolute() + "|" + uri.relative()};
  if (name == "iri") return StringFormat{iri.absolute()};
  if (name == "iri-reference") return StringFormat{iri.absolute() + "|" + iri.relative()};
  if (name == "uri-template") return StringFormat{kUriTemplate};
  if (name == "json-pointer") return StringFormat{kPointer};
  if (name == "relative-json-pointer") {
    return StringFormat{"(?:0|[1-9]\\d*)(?:#|" + kPointer + ")"};
  }
  return std::nullopt;
}

bool is_unsupported_format(std::string_view name) {
  return name == "regex" || name == "idn-hostname";
}

}  // namespace owl3
