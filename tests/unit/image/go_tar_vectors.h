/* Made by tests/fixtures/image/tar/main.go. */
static const struct {
    const char *name, *link;
    char type;
    int64_t mtime;
    int caps;
    const char *digest;
} vectors[] = {
    { "/var/run/ko/"
      "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
      "", '0', 0LL, 0, "sha256:d49514650c4e952319574ab27fbdc4bbafd040717b5cbdbefe305bbcbcdb3bde" },
    { "/var/run/ko/"
      "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
      "", '0', 0LL, 0, "sha256:6037759c0df67444784c249474bcc9eafe7ed6c400985edba225332c50cdcebd" },
    { "/var/run/ko/"
      "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
      "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
      "", '0', 0LL, 0, "sha256:af270abd19188a1b8f1ee3d40c434cb194b347fd6c691e4c4369e9b918de994a" },
    { "/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/"
      "d123456789/d123456789/d123456789/d123456789/file",
      "", '0', 0LL, 0, "sha256:4bfdd6cb3e163a94c4d040e5c9bfb22f339d2617c5423cbd8dbd5cba91cd41d5" },
    { "/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/"
      "d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/"
      "d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/"
      "file",
      "", '0', 0LL, 0, "sha256:c0279695b7c7d945486c1449ae31b144b072d1f75c72e0fc717becec2627a988" },
    { "/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/"
      "d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/"
      "d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/d123456789/",
      "", '5', 0LL, 0, "sha256:7214a62f882eed8ec78f5c0f3928c7f8c3dc65b99a1d49f1b39ae5da0a179868" },
    { "/ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"
      "ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp/name",
      "", '0', 0LL, 0, "sha256:5329cd9c65ada8f06df08755e1e7089cf2f596d4238935edcefc91b74dfc57a0" },
    { "/ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"
      "pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp/name",
      "", '0', 0LL, 0, "sha256:06f28c78da6d74c18a20dfa1c15b54c5cea0b05716d64faf0e0c07b7569445b8" },
    { "/ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"
      "pppppppp/qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
      "", '5', 0LL, 0, "sha256:657b6f112609ee15c54d1de4f8fa6cd8b90c4d3fd8b631f4aec785830530f5dc" },
    { "/var/run/ko/gr\303\274\303\237e.txt", "", '0', 0LL, 0,
      "sha256:3ed11db70fb65f3e00076378e3d1d6c58bbc46cf9fcc9ee785a71b23f3d28e3c" },
    { "/var/run/ko/\346\227\245\346\234\254/\350\252\236", "", '5', 0LL, 0,
      "sha256:990141141be1e95a6ee7063a8bbac6d4eb4943b002090e2da56e0c6f09490eed" },
    { "/var/run/ko/"
      "\346\227\245\346\234\254xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
      "", '0', 0LL, 0, "sha256:05e8ccd95d332a82bfdae696036df5c45a16da08b78b28e8f137ca38abc9637d" },
    { "/l", "/to/somewhere", '2', 0LL, 0,
      "sha256:53b58755adb93ccd8082933aeca6ff3fa516c3e59a90df6efae79dd3767cf2d1" },
    { "/l",
      "/to/"
      "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
      "wwwwwwwwwwwwwwwwww",
      '2', 0LL, 0, "sha256:c4b1b836007aeab7df180727e0fa90515212d493ad14562f84ccab9c9561ecb0" },
    { "/l", "/to/\303\244", '2', 0LL, 0,
      "sha256:dc7792c429d02dcfd554e32ad33115035db518f5aad22da525ebcc58287ca0f0" },
    { "/t", "", '0', 1700000000LL, 0,
      "sha256:1fc521c0691018d9210bec5b8786b0d98ecd06e39d3673d47206aeeb55936593" },
    { "/t", "", '0', -5LL, 0,
      "sha256:18689849a8c7f8b70813ddcc2828eef3811e92e198ba17b816207392583e5254" },
    { "/t", "", '0', 8589934591LL, 0,
      "sha256:ff42ec8bf9f505bb5799e18f42fc1f77b430b4c1dbe905d5f05ecf7f1134c1da" },
    { "/t", "", '0', 8589934592LL, 0,
      "sha256:78aae4937dd982fb9930d56a31a53c4568d98018f7ec53d37f78945790651dd8" },
    { "/ko-app/app", "", '0', 0LL, 1,
      "sha256:bf1733ca90166fdfb86660fbe9c92c30a97ffaa2cd71d99639e2ad4860c0b807" },
    { "/ko-app/"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      "", '0', 0LL, 1, "sha256:cfe928bccab1000da84c8acf96035c798296a9e68287fd9a6984736a88a84a61" },
    { "plain", "", '5', 0LL, 0,
      "sha256:c35dcce8e529bb7f652927945d4ed4e2905cf902d79c3cb535ba9445c3f346a9" },
};
