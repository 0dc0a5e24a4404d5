#include <ttt/compat/v1.h>
#include <ttt/core/error.h>

#include <iostream>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

int main() try {
  const ttt::compat::v1::ModelArgs args("no-such-folder");
  std::cerr << "a folder that is not there has a model of dim " << args.dim << '\n';
  return 1;
} catch (const ttt::FormatError& error) {
  std::cout << error.what() << '\n';
}
