#include <ttt/testing/test_suite.h>

#include "sample_decoder.h"

int main(int argc, char** argv) {
  ttt::testing::TestSuite suite(
      argc, argv, {.factory = load_sample_decoder, .model_types = {"sample_decoder"}, .goldens = {TTT_GOLDENS}});
  suite.add_all_cases();
  return suite.run();
}
