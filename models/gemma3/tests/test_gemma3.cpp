#include "gemma3.h"
#include "ttt/testing/test_suite.h"

int main(int argc, char** argv) {
  ttt::testing::TestSuite suite(argc, argv,
                                {.factory = ttt::models::load_gemma3,
                                 .model_types = {"gemma3_text"},
                                 .goldens = {TTT_GOLDENS},
                                 .shared_goldens = TTT_SHARED_GOLDENS});
  suite.add_all_cases();
  return suite.run();
}
