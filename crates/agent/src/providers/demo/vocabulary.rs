//! The words the offline model knows, as data: a line of comma-separated words and phrases per language or two.

/// To run a command.
pub(super) const RUN: &str = "\
    run, execute, exec, führe, fuehre, exécute, lance, ejecuta, esegui, запусти, выполни, 运行, 執行, 执行, \
    実行, 실행";
/// To show what a file says.
pub(super) const READ: &str = "\
    read, show, open, cat, display, print, view, lies, lese, zeig, zeige, öffne, lis, lire, montre, \
    ouvre, lee, leer, muestra, abre, leia, mostre, abra, leggi, mostra, apri, lees, toon, прочитай, \
    покажи, открой, oku, göster, 읽어, 読んで, 見せて, 读, 讀, 打开, 打開, 显示, اقرأ, पढ़ो";
/// To list what is there.
pub(super) const LIST: &str = "\
    list, ls, dir, files, folder, directory, workspace, dateien, ordner, verzeichnis, arbeitsbereich, \
    fichiers, dossier, liste, archivos, carpeta, lista, arquivos, pasta, cartella, elenca, bestanden, \
    файлы, папка, папке, список, dosyalar, dosyaları, 파일, ファイル, 一覧, 文件, 檔案, 目录, 目錄, الملفات, \
    फ़ाइलें";
/// To tell the time or the day.
pub(super) const TIME: &str = "\
    time, date, clock, day is it, today, uhr, uhrzeit, wie spät, datum, welcher tag, heure, quel jour, \
    hora, horas, fecha, qué día, data de hoje, che ora, che ore, che giorno, hoe laat, который час, \
    сколько времени, время, дата, saat, tarih, 몇 시, 시간, 날짜, 何時, 時間, 日付, 几点, 幾點, 时间, 時刻, 日期, الساعة, \
    الوقت, समय, तारीख";
/// To show the devices.
pub(super) const NODES: &str = "\
    node, nodes, device, devices, geräte, appareils, dispositivos, устройства, デバイス, 设备, 기기";
/// Thanks.
pub(super) const THANKS: &str = "\
    thanks, thank you, thx, danke, merci, gracias, obrigado, obrigada, grazie, dank, спасибо, \
    teşekkürler, ありがとう, 谢谢, 謝謝, 감사, شكرا, धन्यवाद";
/// A greeting, or a question about oneself.
pub(super) const HELLO: &str = "\
    hi, hello, hey, help, who are you, what are you, what can you do, good morning, hallo, moin, servus, \
    hilfe, wer bist du, was kannst du, bonjour, salut, aide, hola, ayuda, olá, oi, ajuda, ciao, aiuto, \
    hoi, привет, здравствуйте, помощь, merhaba, 안녕, こんにちは, 你好, مرحبا, नमस्ते, test, ping";
