#!/usr/bin/env bash
# vega.sh: one script out of the modules of Debian's libjs-vega, on stdout.
#
#     vega.sh [FOLDER] >vega.js
#
# The package ships Vega as modules that ask for each other by require(); a page has none. So each
# module becomes a function in a table, and a require() of eight lines runs it when it is first
# asked for:
#
#     M["vega-util"] = function (exports, module, require) { <the file> };
#
# Only what the charts need is taken: no maps, trees, word clouds. The result defines `vega`.
set -euo pipefail

folder=${1:-/usr/share/javascript/vega}
licence=${2:-/usr/share/doc/libjs-vega/copyright}

modules=(util time format loader dataflow statistics scale canvas scenegraph expression selections
    functions event-selector runtime parser transforms view-transforms encode view)

for module in "${modules[@]}"; do
    # The one file whose name differs from its module's.
    file=$folder/vega-${module/%selections/selection}.min.js
    if [[ ! -r $file ]]; then
        echo "vega.sh: $file is missing; install libjs-vega" >&2
        exit 1
    fi
done
if [[ ! -r $licence ]]; then
    echo "vega.sh: $licence is missing, and Vega needs it to be passed on; reinstall libjs-vega" >&2
    exit 1
fi

echo "/* Vega and the parts of D3 that it uses, as packaged by Debian. Their licences:"
# A licence must not end the comment, nor the script that the page puts it into.
sed -e 's,\*/,* /,g' -e 's,</,< /,g' "$licence"
echo "*/"
echo "var vega = (function () {"
echo "  var M = {}, done = {};"
for module in "${modules[@]}"; do
    echo "  M[\"vega-$module\"] = function (exports, module, require) {"
    # </script would end the page's script wherever it stands, a string included; <!-- may begin a
    # comment there.
    sed -e '/^\/\/# sourceMappingURL/d' -e 's,</script,<\\/script,gI' -e 's,<!--,<\\!--,g' \
        "$folder/vega-${module/%selections/selection}.min.js"
    echo
    echo "  };"
done
cat <<'JS'
  function require(name) {
    if (!done[name]) {
      if (!M[name]) throw new Error("vega.js holds no module " + name);
      done[name] = { exports: {} };
      M[name](done[name].exports, done[name], require);
    }
    return done[name].exports;
  }
  var transforms = require("vega-dataflow").transforms;
  ["vega-transforms", "vega-view-transforms", "vega-encode"].forEach(function (name) {
    Object.assign(transforms, require(name));
  });
  return { parse: require("vega-parser").parse, View: require("vega-view").View };
})();
JS
