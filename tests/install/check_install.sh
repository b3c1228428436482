#!/usr/bin/env bash
# Installs owl3 and uses the copy as a project of its own would. CMakeLists.txt sets the variables.
# Usage: check_install.sh CASE
set -euo pipefail

prefix=$WORK/prefix
picture=$SOURCE/tests/data/images/08-RGB-200x150.jpg

fail() {
  echo "check_install: $*" >&2
  exit 1
}

# empty_folder NAME: makes it anew, and prints its path.
empty_folder() {
  rm -rf "${WORK:?}/$1"
  mkdir -p "$WORK/$1"
  echo "$WORK/$1"
}

# The example's program answers about a picture and a film, and tells a missing file in a line.
run_example() {
  local output
  output=$("$1" "$SOURCE/models/owlet.gguf" "$picture" "$SOURCE/demo/ball.mp4")
  [[ $output == *"images encoded"* ]] || fail "the example printed: $output"
  if output=$("$1" "$SOURCE/models/owlet.gguf" missing.jpg missing.mp4 2>&1); then
    fail "a missing picture is no error"
  fi
  [[ $output == "missing.jpg: "* ]] || fail "the example printed: $output"
}

install() {
  empty_folder prefix > /dev/null
  "$CMAKE" --install "$BUILD" --prefix "$prefix"
  local file
  for file in man/man1/owl3.1 bash-completion/completions/owl3 zsh/site-functions/_owl3 \
    fish/vendor_completions.d/owl3.fish; do
    grep -q make-data "$prefix/share/$file" || grep -q 'make\\-data' "$prefix/share/$file" ||
      fail "share/$file is not installed, or lacks commands"
  done
}

# What the project's own CMake has in its folders must not be needed.
cmake() {
  local project
  project=$(empty_folder cmake_project)
  cp "$SOURCE"/docs/examples/* "$project"
  "$CMAKE" -S "$project" -B "$project/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER="$CXX" \
    -DCMAKE_BUILD_TYPE=Release
  grep -q "owl3_DIR:PATH=$prefix" "$project/build/CMakeCache.txt" || fail "found another owl3"
  "$CMAKE" --build "$project/build"
  run_example "$project/build/ask"
}

pkg_config() {
  local folder flags moved
  folder=$(empty_folder pkg_config_project)
  # Also where the copy has been moved to.
  moved=$folder/moved
  cp -r "$prefix" "$moved"
  flags=$(PKG_CONFIG_PATH=$moved/$LIBDIR/pkgconfig "$PKG_CONFIG" --cflags --libs "owl3 >= 0.1")
  cp "$SOURCE/docs/examples/ask.cpp" "$folder"
  # shellcheck disable=SC2086  # options, one word each
  (cd "$folder" && "$CXX" -std=c++20 ask.cpp $flags -o ask)
  export LD_LIBRARY_PATH=$moved/$LIBDIR
  run_example "$folder/ask"
}

headers() {
  local header count=0
  for header in "$prefix/$INCLUDEDIR"/owl3/*.h; do
    "$CXX" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror \
      -I "$prefix/$INCLUDEDIR" -include "$header" -x c++ /dev/null
    count=$((count + 1))
  done
  [ "$count" -ge 7 ] || fail "only $count headers are installed"
  if output=$("$CXX" -std=c++17 -fsyntax-only -I "$prefix/$INCLUDEDIR" \
    -include "$prefix/$INCLUDEDIR/owl3/owl3.h" -x c++ /dev/null 2>&1); then
    fail "the headers are said to need C++20"
  fi
  [[ $output == *"-std=c++20"* ]] || fail "too old a standard is told by: $output"
  if grep -rnE 'impl\(|#include "(core|formats|text|media|backend|model|generate|api)/' \
    "$prefix/$INCLUDEDIR/owl3"; then
    fail "the headers show the inside"
  fi
}

# Each symbol is of a class or function that a public header marks with OWL3_API.
exports() {
  local public symbols others
  public=$(sed -nE -e 's/^(class|struct) OWL3_API ([A-Za-z]+).*/\2/p' \
    -e 's/^OWL3_API .* ([a-z_]+)\(.*/\1/p' "$prefix/$INCLUDEDIR"/owl3/*.h | sort -u | paste -sd '|')
  symbols=$("$NM" -DC --defined-only "$prefix/$LIBDIR/libowl3.so" | cut -d ' ' -f 3-)
  others=$(grep -vE "^((typeinfo|typeinfo name|vtable) for )?owl3::($public)(::[^:(]+)?(\[abi:[a-z0-9]+\])?(\(|$)" \
    <<< "$symbols" || true)
  [ -z "$others" ] || fail "exported, but not public: $others"
  for name in ${public//|/ }; do
    grep -q "owl3::$name\b" <<< "$symbols" || fail "public, but not exported: $name"
  done
}

programs() {
  local answer trainer
  [[ $("$prefix/$BINDIR/owl3" --version) == "owl3 "* ]] || fail "owl3 --version"
  answer=$("$prefix/$BINDIR/owl3" chat --image "$picture" -p 'What is this?' --greedy)
  [ -n "$answer" ] || fail "owl3 chat says nothing"
  answer=$("$prefix/$BINDIR/owl3" chat owlet --video "$SOURCE/demo/ball.mp4" -p 'What is this?' --greedy)
  [ -n "$answer" ] || fail "owl3 chat says nothing of a film"
  [ -e "$prefix/$DOCDIR/LICENSE" ] || fail "the licence is not installed"
  trainer=$prefix/$BINDIR/owl3-train
  [ ! -e "$BUILD/owl3-train" ] || [ -x "$trainer" ] || fail "owl3-train is not installed"
  [ -x "$prefix/$BINDIR/owl3-draw" ] || fail "owl3-draw is not installed"
  if [ -e "$BUILD/libowl3_torch.so" ]; then
    [ -e "$prefix/$LIBDIR/owl3/libowl3_torch.so" ] || fail "libowl3_torch.so is not installed"
    "$prefix/$BINDIR/owl3" info owlet --device torch:cpu > /dev/null || fail "owl3 does not find libowl3_torch.so"
  fi
  # Found beside owl3, whatever owl3 is called by.
  ln -sf "$prefix/$BINDIR/owl3" "$WORK/owl3-link"
  "$WORK/owl3-link" plot --help > /dev/null || fail "owl3 does not find owl3-draw"
  if [ -x "$trainer" ]; then
    "$WORK/owl3-link" train --help > /dev/null || fail "owl3 does not find owl3-train"
  fi
}

# A program without its module sees pictures, and says of a film what is missing. So it does of a
# module that is another's.
alone() {
  local folder said
  folder=$(empty_folder alone)
  cp "$prefix/$BINDIR/owl3" "$folder"
  said=$("$folder/owl3" chat --image "$picture" -p 'What is this?' --greedy)
  [ -n "$said" ] || fail "owl3 chat says nothing"
  said=$("$folder/owl3" chat owlet --video "$SOURCE/demo/ball.mp4" -p What 2>&1) && fail "films need no module"
  [[ $said == "owl3: $SOURCE/demo/ball.mp4: "*"owl3-codecs.so"* && $(wc -l <<< "$said") == 1 ]] ||
    fail "without its module, owl3 said: $said"
  echo 'const char* const owl3_codecs[] = {"0.0-other"};' |
    "$CXX" -shared -fPIC -x c - -o "$folder/owl3-codecs.so"
  said=$("$folder/owl3" chat owlet --video "$SOURCE/demo/ball.mp4" -p What 2>&1) && fail "any module will do"
  [[ $said == *"is of another build (0.0-other, not "* ]] || fail "of another's module, owl3 said: $said"
  cp "$prefix/$LIBDIR/owl3/owl3-codecs.so" "$folder"
  "$folder/owl3" chat owlet --video "$SOURCE/demo/ball.mp4" -p What > /dev/null || fail "not found beside owl3"
}

# For packagers: everything lies under DESTDIR, and nothing in it names that folder or this one.
destdir() {
  local stage file
  stage=$(empty_folder stage)
  DESTDIR=$stage "$CMAKE" --install "$BUILD" --prefix /opt/owl3 > /dev/null
  for file in "$BINDIR/owl3" "$LIBDIR/owl3/owl3-codecs.so" "$LIBDIR/libowl3.so.0" "$LIBDIR/libowl3.so" "$INCLUDEDIR/owl3/owl3.h" \
    "$LIBDIR/cmake/owl3/owl3Config.cmake" "$LIBDIR/cmake/owl3/owl3ConfigVersion.cmake" \
    "$LIBDIR/pkgconfig/owl3.pc" "$DOCDIR/LICENSE"; do
    [ -e "$stage/opt/owl3/$file" ] || fail "$file is missing"
  done
  [ "$(ls "$stage")" = opt ] || fail "more than /opt was written to"
  if grep -rlF -e "$stage" -e "$BUILD" "$stage/opt/owl3/$LIBDIR" "$stage/opt/owl3/$INCLUDEDIR"; then
    fail "installed files name the folder they were built in"
  fi
  rm -r "$stage"
}

case ${1:-} in
  install | cmake | pkg_config | headers | exports | programs | alone | destdir) "$1" ;;
  *) fail "unknown case: ${1:-}" ;;
esac
