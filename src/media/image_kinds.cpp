#include "media/image_kinds.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <vector>

namespace owl3 {

namespace {

using namespace std::string_view_literals;

/// Of everything that the decoders read.
constexpr std::string_view kImages[] = {
    ".jpg",   ".jpeg", ".jpe",   ".jfif", ".jif",   ".mpo",  ".jps", ".png", ".apng",
    ".webp",  ".gif",  ".bmp",   ".dib",  ".tif",   ".tiff", ".btf", ".tf8", ".avif",
    ".avifs", ".heic", ".heics", ".heif", ".heifs", ".hif",  ".jxl", ".jp2", ".j2k",
    ".j2c",   ".jpc",  ".jpf",   ".jpx",  ".jls",   ".pbm",  ".pgm", ".ppm", ".pnm",
    ".pam",   ".pfm",  ".phm",   ".psd",  ".exr",   ".qoi",  ".sgi", ".rgb", ".rgba",
    ".bw",    ".ras",  ".sun",   ".pcx",  ".xbm",   ".xpm",  ".xwd", ".ico", ".dds",
    ".dpx",   ".pcd",  ".pct",   ".pict", ".pgx",   ".cri",  ".vbn"};
constexpr std::string_view kFilms[] = {
    ".mp4",  ".m4v",   ".mov", ".qt",   ".mkv", ".webm", ".avi",  ".divx", ".mpg",
    ".mpeg", ".mpe",   ".m1v", ".m2v",  ".mts", ".m2ts", ".m2t",  ".tod",  ".wmv",
    ".asf",  ".flv",   ".f4v", ".3gp",  ".3g2", ".ogv",  ".vob",  ".mxf",  ".dv",
    ".mjpg", ".mjpeg", ".264", ".h264", ".265", ".h265", ".hevc", ".insv", ".lrv"};
/// Films, or else programs in TypeScript, music, or modules: the beginning tells.
constexpr std::string_view kSharedNames[] = {".ts", ".mod"};
/// Pictures that no decoder here reads.
constexpr std::string_view kUnreadImages[] = {
    ".tga", ".vda", ".hdr", ".pic", ".fits", ".fit", ".fts", ".svg", ".svgz", ".eps", ".ai",
    ".wmf", ".emf", ".xcf", ".kra", ".icns", ".cur", ".jxr", ".wdp", ".hdp",  ".bpg", ".djvu"};
/// What a camera's sensor saw. Many begin like a TIFF file, which then shows a thumbnail at most.
constexpr std::string_view kRawPhotos[] = {".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw",
                                           ".srf", ".sr2", ".orf", ".rw2", ".raf", ".pef", ".srw",
                                           ".x3f", ".3fr", ".iiq", ".dcr", ".kdc", ".mrw", ".erf"};
constexpr std::string_view kSystemNames[] = {
    "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r",
    "@eadir",    "#recycle",    "$recycle.bin",      "lost+found",  "system volume information",
    "__macosx"};

struct Magic {
  size_t offset;
  std::string_view bytes;
};
constexpr Magic kMagics[] = {
    {0, "\xff\xd8\xff"},                // JPEG, JPEG-LS
    {0, "\x89PNG\r\n\x1a\n"},           //
    {0, "GIF8"},                        //
    {8, "WEBP"},                        // in RIFF
    {0, "II*\0"sv},                     // TIFF
    {0, "MM\0*"sv},                     //
    {0, "II+\0"sv},                     // BigTIFF
    {0, "MM\0+"sv},                     //
    {0, "\0\0\0\x0cjP  \r\n\x87\n"sv},  // JPEG 2000
    {0, "\xff\x4f\xff\x51"},            // its bare stream
    {0, "8BPS"},                        // Photoshop
    {0, "\x76\x2f\x31\x01"},            // OpenEXR
    {0, "qoif"},                        //
    {0, "DDS "},                        //
    {0, "SDPX"},                        // DPX
    {0, "XPDS"},                        //
    {0, "\x01\xda\x00"sv},              // SGI
    {0, "\x01\xda\x01"},                //
    {0, "\x59\xa6\x6a\x95"},            // Sun raster
    {0, "/* XPM */"},                   //
    {0, "\xff\x0a"},                    // JPEG XL
    {0, "\0\0\0\x0cJXL \r\n\x87\n"sv},  // the same in a container
};
/// Of HEIF files: first among their brands, or among those they can be read as.
constexpr std::string_view kMainBrands[] = {
    "mif1", "mif2", "mif3", "miaf", "msf1", "heic", "heix", "heim", "heis", "hevc",
    "hevx", "hevm", "hevs", "avif", "avis", "avio", "avci", "avcs", "vvic", "vvis",
    "evbi", "evbs", "j2ki", "j2is", "jpeg", "jpgs", "unif", "tmap", "MA1A", "MA1B"};
constexpr std::string_view kOtherBrands[] = {"mif1", "mif2", "heic", "heix",
                                             "heim", "heis", "avif", "avci"};

bool one_of(std::span<const std::string_view> list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

/// Its two letters begin many a text: the size of its second header is looked at too.
bool is_bmp(std::string_view text) {
  constexpr std::array<char, 7> kHeaderSizes = {12, 40, 52, 56, 64, 108, 124};
  return text.size() >= 18 && text.starts_with("BM") &&
         std::find(kHeaderSizes.begin(), kHeaderSizes.end(), text[14]) != kHeaderSizes.end() &&
         text.substr(15, 3) == "\0\0\0"sv;
}

/// "P5\n640 480": a digit or a comment comes after the letter and white space.
bool is_netpbm(std::string_view text) {
  if (text.size() < 4 || text[0] != 'P') return false;
  const bool letter = (text[1] >= '1' && text[1] <= '7') || text[1] == 'f' || text[1] == 'F';
  if (!letter || std::isspace(static_cast<unsigned char>(text[2])) == 0) return false;
  const auto next = static_cast<unsigned char>(text[3]);
  return std::isdigit(next) != 0 || next == '#' || (text[1] == '7' && next == 'W');
}

/// The brands of a ftyp box, as far as they are there.
std::vector<std::string_view> brands_of(std::string_view text) {
  if (text.size() < 12 || text.substr(4, 4) != "ftyp") return {};
  size_t size = 0;
  for (const char byte : text.substr(0, 4)) size = size << 8 | static_cast<uint8_t>(byte);
  const std::string_view box = text.substr(0, size);
  std::vector<std::string_view> brands;
  constexpr size_t kMinorVersion = 12;
  for (size_t at = 8; at + 4 <= box.size(); at += 4) {
    if (at != kMinorVersion) brands.push_back(box.substr(at, 4));
  }
  return brands;
}

/// Packets of a transport stream begin with the same byte, each behind a time of four in M2TS.
bool has_packets(std::string_view text, size_t first, size_t size) {
  constexpr char kSync = 0x47;
  if (text.size() <= first + size) return false;
  for (size_t at = first; at < text.size(); at += size) {
    if (text[at] != kSync) return false;
  }
  return true;
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_icon(std::string_view text) {
  return text.size() >= 6 && text.starts_with("\0\0\1\0"sv) && text[4] != 0 && text[5] == 0;
}

}  // namespace

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

FileKind kind_by_name(const std::filesystem::path& path) {
  const std::string extension = lower_case(path.extension().string());
  if (one_of(kImages, extension)) return FileKind::kImage;
  if (one_of(kFilms, extension)) return FileKind::kFilm;
  if (one_of(kUnreadImages, extension)) return FileKind::kUnreadImage;
  return one_of(kRawPhotos, extension) ? FileKind::kRawPhoto : FileKind::kOther;
}

bool begins_like_an_image(std::span<const std::byte> beginning) {
  const std::string_view text = as_text(beginning);
  const auto has = [&](const Magic& magic) {
    return text.size() >= magic.offset && text.substr(magic.offset).starts_with(magic.bytes);
  };
  if (std::any_of(std::begin(kMagics), std::end(kMagics), has)) return true;
  return begins_like_heif(beginning) || is_bmp(text) || is_netpbm(text) || is_icon(text);
}

bool is_film_of_shared_name(const std::filesystem::path& path,
                            std::span<const std::byte> beginning) {
  constexpr std::string_view kProgramStream = "\0\0\1\xba"sv;
  if (!one_of(kSharedNames, lower_case(path.extension().string()))) return false;
  const std::string_view text = as_text(beginning);
  return text.starts_with(kProgramStream) || has_packets(text, 0, 188) || has_packets(text, 4, 192);
}

bool begins_like_heif(std::span<const std::byte> beginning) {
  const std::vector<std::string_view> brands = brands_of(as_text(beginning));
  return !brands.empty() && (one_of(kMainBrands, brands[0]) ||
                             std::any_of(brands.begin(), brands.end(), [](std::string_view brand) {
                               return one_of(kOtherBrands, brand);
                             }));
}

bool is_hidden(const std::string& file_name) {
  return file_name.starts_with('.') || one_of(kSystemNames, lower_case(file_name));
}

}  // namespace owl3
